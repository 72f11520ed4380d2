import { diagnose } from "../doctor/diagnose.ts";
import { parseDoctor } from "../doctor/parse.ts";
import { doctorTable } from "../doctor/table.ts";
import type { Diagnosis } from "../doctor/types.ts";
import type { SshTarget } from "../ssh.ts";
import { CommandError, UsageError } from "./command.ts";
import { askHost, takePlace } from "./host.ts";
import { eachNode, nodeLine, type NodeTarget, nodesOf, onNodes } from "./nodes.ts";

/** Section -> what it prints. The host's script has the same names. */
export const SECTIONS: Readonly<Record<string, string>> = {
  stats: "docker stats --no-stream: CPU and memory of every container",
  latency: "redis-cli --latency for 5 s: min, max, avg",
  intrinsic: "redis-cli --intrinsic-latency for 3 s: what the host itself costs",
  memory: "INFO memory",
  clients: "INFO clients, CLIENT LIST",
  commands: "INFO commandstats, INFO latencystats",
  slowlog: "SLOWLOG GET, LATENCY LATEST; shows what commands carried",
  queues: "counts of each queue, its oldest waiting job, locks of active ones",
  swap: "free, /proc/swaps, and which processes are in it",
  disk: "df, the largest directories where room is short, docker system df",
  cpu: "top",
  containers: "state, health, exit code, restarts, OOM kills",
};

const width = Math.max(...Object.keys(SECTIONS).map((name) => name.length));

export const help = `
Says why production is slow or times out: watches the server for a few seconds, and ranks what it finds by likely cause, each with its
figures and the next step. Reads only, and asks little of Redis. With a SECTION it prints that command's own output.

options
  --stack=NAME  default: the selected stack
  --node=NAME   one of several; default: each, one after the other
  --json        the diagnosis as a line of JSON, and no table; of several nodes
                a line each with its "node", and with an "error" instead of a
                diagnosis for one that gave none

sections
${Object.entries(SECTIONS).map(([name, what]) => `  ${name.padEnd(width)}  ${what}`).join("\n")}

Exit code: 0 nothing amiss, 10 something is, 1 the server could not be asked.
`;

/** The script bounds each of its commands; together they take seconds. */
const TIMEOUT_SECONDS = 60;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, node, rest } = takePlace(args);
  const { section, json } = doctorOptions(rest);
  const nodes = await nodesOf(stack, node);
  if (section !== undefined) return await onNodes(nodes, ["doctor", section], TIMEOUT_SECONDS);
  return await diagnoseNodes(nodes, json);
}

/** Diagnose each node. @returns the first exit code that is not 0; 1 for one that does not answer */
export function diagnoseNodes(nodes: readonly NodeTarget[], json: boolean, out: Pick<NodeJS.WriteStream, "write"> = process.stdout): Promise<number> {
  return eachNode(nodes, async ({ name, target }) => {
    const diagnosis = await diagnoseHost(target);
    out.write(json ? nodeLine(name, diagnosis) : doctorTable(diagnosis));
    return diagnosis.findings.length === 0 ? 0 : 10;
  }, json ? process.stderr : out, ({ name }, error) => {
    if (json && name !== undefined) out.write(nodeLine(name, { error }));
  });
}

/** @throws {CommandError} when the server does not tell its facts */
export async function diagnoseHost(target: SshTarget): Promise<Diagnosis> {
  const { code, stdout } = await askHost(target, ["doctor"], TIMEOUT_SECONDS);
  if (code === 0) return diagnose(parseDoctor(stdout));
  throw new CommandError(`looking at the server: required exit code 0 of \`berth doctor\` there; found ${code}, and what stands above. A release from before this command has none: deploy once`);
}

/** @throws {UsageError} naming what is wrong */
export function doctorOptions(args: readonly string[]): { readonly section: string | undefined; readonly json: boolean } {
  const json = args.includes("--json");
  const [section, ...more] = args.filter((arg) => arg !== "--json");
  if (more.length > 0 || (section !== undefined && !Object.hasOwn(SECTIONS, section))) {
    throw new UsageError(`required at most one section of ${Object.keys(SECTIONS).join(", ")}; found ${args.join(" ")}`);
  }
  if (section !== undefined && json) throw new UsageError(`--json: required without a section, which prints its command's own output; found ${section}`);
  return { section, json };
}
