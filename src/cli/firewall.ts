import { parseArgs } from "node:util";
import { z } from "zod";
import { messageOf } from "../verify/words.ts";
import { CommandError, UsageError } from "./command.ts";
import { takeStack } from "./host.ts";
import { Hetzner, HETZNER } from "./hetzner.ts";
import { publicAddress } from "./public-address.ts";
import { mustRun, runPulumi, type RunPulumi } from "./pulumi.ts";
import { closeRunner, openRunner, STALE_HOURS } from "./runner-firewall.ts";

export const help = `
For a pipeline, whose machines have no fixed address: lets this machine in to
port 22 of the stack's servers, also of those that the next \`pulumi up\`
creates, and out again.

  open           a firewall of its own, beside the stack's. Takes away what
                 runs left that died more than ${STALE_HOURS} hours ago
  close          takes it away. Nothing there: nothing to do

options
  --stack=NAME   default: the selected stack
  --source=CIDR  who is let in. Default: this machine's public IPv4 address, as
                 checkip.amazonaws.com or api.ipify.org sees it
  --run=NAME     whose opening this is. Default: GITHUB_RUN_ID, else local
  --all          close: those of every run of this stack
  --stale        close: those of runs that died more than ${STALE_HOURS} hours ago

Never \`pulumi … --refresh\` while it is open: Pulumi sees the second firewall
on the server as drift, and an update takes it away.

The token is HCLOUD_TOKEN, or the stack's hcloud:token; it must read and write.
`;

/** What the command does to the world; tests hand in others. */
export interface FirewallEffects {
  readonly pulumi: RunPulumi;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
  readonly now: () => number;
  readonly address: () => Promise<string>;
}

const source = z.union([z.cidrv4(), z.cidrv6()]);
/** What a label of Hetzner's can hold, and a name behind it. */
const RUN = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,38}[A-Za-z0-9])?$/;

export function run(args: readonly string[]): Promise<number> {
  return firewall(args, { pulumi: runPulumi, env: process.env, say: (line) => process.stderr.write(`${line}\n`), now: Date.now, address: publicAddress });
}

/** @returns 0 when it is open, or closed. @throws {UsageError | CommandError} */
export async function firewall(args: readonly string[], effects: FirewallEffects): Promise<number> {
  const { stack: told, rest } = takeStack(args);
  const { verb, options } = optionsOf(rest);
  const name = options.run ?? effects.env["GITHUB_RUN_ID"] ?? "local";
  if (!RUN.test(name)) throw new UsageError(`--run: required up to 40 letters, digits and _ . -; found ${JSON.stringify(name)}`);
  if (options.source !== undefined && !source.safeParse(options.source).success) {
    throw new UsageError(`--source: required an address range such as 203.0.113.7/32; found ${JSON.stringify(options.source)}`);
  }
  const { stack, project, token, endpoint } = await stackOf(told, effects);
  const firewalls = { hetzner: new Hetzner({ endpoint, token }), project, stack, run: name, say: effects.say, now: effects.now };
  if (verb === "open") await openRunner(firewalls, options.source ?? (await effects.address()));
  else await closeRunner(firewalls, options.all ? "all" : options.stale ? "stale" : "own");
  return 0;
}

function optionsOf(args: readonly string[]): { verb: "open" | "close"; options: { source?: string; run?: string; all?: boolean; stale?: boolean } } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { source: { type: "string" }, run: { type: "string" }, all: { type: "boolean" }, stale: { type: "boolean" } },
    });
    const [verb, ...more] = positionals;
    if ((verb === "open" || verb === "close") && more.length === 0) return { verb, options: values };
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  throw new UsageError(`required open or close; found ${args.join(" ") || "nothing"}`);
}

/** What the stack says of itself: its short name, its project's label, and the way to Hetzner. */
async function stackOf(told: string | undefined, { pulumi, env }: FirewallEffects): Promise<{ stack: string; project: string; token: string; endpoint: string }> {
  const of = told === undefined ? [] : ["--stack", told];
  const full = told ?? (await mustRun(pulumi, "finding the selected stack", ["stack", "--show-name"])).trim();
  const config = z.record(z.string(), z.object({ value: z.string().optional() })).parse(JSON.parse(await mustRun(pulumi, "reading the stack's settings", ["config", "--json", "--show-secrets", ...of])));
  const token = env["HCLOUD_TOKEN"] || config["hcloud:token"]?.value;
  if (token === undefined || token === "") throw new CommandError("speaking to Hetzner: required a token; found none; export HCLOUD_TOKEN, or `npx berth init` stores one");
  return {
    // A stack's name may carry an organisation; the label is Pulumi's own short name.
    stack: full.split("/").at(-1) ?? full,
    project: config["berth:project"]?.value ?? "berth",
    token,
    endpoint: env["HCLOUD_ENDPOINT"] || config["hcloud:endpoint"]?.value || HETZNER,
  };
}
