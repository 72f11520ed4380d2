import type { Report } from "../verify/types.ts";
import { table } from "../verify/table.ts";
import { runOverSsh, type SshTarget } from "../ssh.ts";
import { UsageError } from "./command.ts";
import { berth, takePlace } from "./host.ts";
import { eachNode, nodeLine, type NodeTarget, nodesOf, theNode } from "./nodes.ts";
import { couldNotBe, lastLine, untilInterrupted, watch, type Verified } from "./verify-watch.ts";

export const help = `
Verifies the running release again: the same code and checks that judged its deployment, run on the server.
The table goes to standard error.

options
  --stack=NAME     default: the selected stack
  --node=NAME      one of several; default: each, one after the other
  --json           the report as a line of JSON on standard output, no table;
                   of several nodes a line each with its "node", and with an
                   "error" in place of a report for one that gave none
  --watch          again and again until Ctrl-C: redrawn on a terminal, else a
                   line a verification and one for each check that does not pass
  --every=SECONDS  between two of them with --watch; default 30

Exit code: 0 verified, 10 the release is at fault, 11 the host is, or it was so before the release, 1 could not be verified or reached, 2 usage. With --watch: the last one's.
`;

/** The settle window (at most an hour by its schema, 45 s by default), the verifier's own bound and the connection. */
const TIMEOUT_SECONDS = 3_900;
const EVERY_SECONDS = 30;

export interface VerifyOptions {
  readonly json: boolean;
  readonly watch: boolean;
  readonly everySeconds: number;
}

export function verifyOptions(args: readonly string[]): VerifyOptions {
  const every = args.find((arg) => arg.startsWith("--every="))?.slice("--every=".length);
  const unknown = args.filter((arg) => arg !== "--json" && arg !== "--watch" && !arg.startsWith("--every="));
  if (unknown.length > 0) throw new UsageError(`required --stack, --node, --json, --watch or --every; found ${unknown.join(" ")}`);
  if (every !== undefined && !/^[1-9]\d{0,4}$/.test(every)) throw new UsageError(`--every: required a whole number of seconds from 1 to 99999; found ${every}`);
  if (every !== undefined && !args.includes("--watch")) throw new UsageError("--every: required with --watch; found alone");
  return { json: args.includes("--json"), watch: args.includes("--watch"), everySeconds: every === undefined ? EVERY_SECONDS : Number(every) };
}

export async function run(args: readonly string[]): Promise<number> {
  const { stack, node, rest } = takePlace(args);
  const options = verifyOptions(rest);
  const nodes = await nodesOf(stack, node);
  if (!options.watch) {
    return await verifyNodes(nodes, options.json);
  }
  const { target } = theNode(nodes, "--watch is of one");
  const code = await watch({
    verify: () => verified(target),
    json: options.json,
    redraw: process.stdout.isTTY,
    everySeconds: options.everySeconds,
    write: (text) => { process.stdout.write(text); },
    interrupted: untilInterrupted(),
  });
  // A connection under way would hold the process for as long as the host verifies. Once the exit code is set:
  setImmediate(() => process.exit());
  return code;
}

/** Verify each node. @returns the first exit code that is not 0; 1 for one that does not answer */
export function verifyNodes(nodes: readonly NodeTarget[], json: boolean, out: Pick<NodeJS.WriteStream, "write"> = process.stdout): Promise<number> {
  const unverified = ({ name }: NodeTarget, error: string): void => {
    if (json && name !== undefined) out.write(nodeLine(name, couldNotBe(error)));
  };
  return eachNode(nodes, (node) => once(node, json, out, unverified), process.stderr, unverified);
}

async function once({ name, target }: NodeTarget, json: boolean, out: Pick<NodeJS.WriteStream, "write">, unverified: (node: NodeTarget, error: string) => void): Promise<number> {
  // Progress as it comes; the host's own table leaves out what passes.
  const { code, report, said } = await verified(target, json ? undefined : (text) => { if (/^\d\d:\d\d:\d\d berth: /.test(text)) process.stderr.write(text); });
  if (report === undefined) {
    process.stderr.write(said);
    unverified({ name, target }, lastLine(said) || `the host ended with ${code} and no report`);
  } else if (json) out.write(nodeLine(name, report));
  else process.stderr.write(table(report));
  return code;
}

/** One verification on the host. Without a report, what it said instead. */
async function verified(target: SshTarget, onStderr?: (text: string) => void): Promise<Verified> {
  const { code, stdout, stderr } = await runOverSsh(target, berth(["verify", "--json"]), {
    timeoutSeconds: TIMEOUT_SECONDS,
    ...(onStderr === undefined ? {} : { onStderr }),
  });
  const line = stdout.trim().split("\n").at(-1) ?? "";
  return { code, report: line.startsWith("{") ? (JSON.parse(line) as Report) : undefined, said: stderr };
}
