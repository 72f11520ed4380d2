import { z } from "zod";
import { runOverSsh, Unreachable } from "../ssh.ts";
import { CommandError, UsageError } from "./command.ts";
import { onHost, takePlace } from "./host.ts";
import { type NodeTarget, nodesOf, onNodes } from "./nodes.ts";
import { mustRun, ofStack, runPulumi, type RunPulumi } from "./pulumi.ts";

export const help = `
Goes back to the release before, by the same transaction: started, verified, marked good; its passwords are set again. Where a
release runs that only the host failed (exit code 11), back means the good one. Refused across a change of the Redis or Postgres
image, because an older one may not read what a newer one wrote. Migrations are not undone.

Pulumi does not know of it: with the same settings the next \`pulumi up\` has nothing to do, and the first one that changes
anything releases all that the configuration says. So change there what was wrong. What the release left behind needs stays on
the server for that.

With several nodes: every node whose present release came with the last update goes back, the last one first. A node that failed has gone back by
itself; one that was not touched, or that this update made, stays as it is. It ends at the first that cannot go back.

options
  --stack=NAME  default: the selected stack
  --node=NAME   one node of several, whatever the last update did to it

Exit code: 0 verified, 10 the release is at fault, 11 the host is, 1 refused.
`;

/** Above the wait for another release and the longest that one may take (server/lock.sh: 5,520 s and 5,400 s). */
const TIMEOUT_SECONDS = 11_100;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, node, rest } = takePlace(args);
  if (rest.length > 0) throw new UsageError(`required --stack, --node or nothing; found ${rest.join(" ")}`);
  const nodes = await nodesOf(stack, node);
  if (nodes.length === 1) return await onNodes(nodes, ["rollback"], TIMEOUT_SECONDS);
  return await rollBackUpdate(nodes, { since: await lastUpdate(stack), state: stateOf, back: ({ target }) => onHost(target, ["rollback"], TIMEOUT_SECONDS), say: (line) => void process.stderr.write(`${line}\n`) });
}

/** Which releases a node has. */
export interface NodeState {
  readonly good: string;
  /** What Pulumi asked for last. */
  readonly laid: string;
  /** When the good one was marked good, in seconds since 1970 by the node's clock. */
  readonly since: number;
  /** The good one before it, empty when there is none: a node that the last update made. */
  readonly before: string;
}

export interface RollingBack {
  /** When the last update began, in seconds since 1970. */
  readonly since: number;
  readonly state: (node: NodeTarget) => Promise<NodeState>;
  readonly back: (node: NodeTarget) => Promise<number>;
  readonly say: (line: string) => void;
}

/**
 * Take back what the last update did to the nodes of a stack, in the opposite order. All of them are asked before any goes back.
 * @returns 0, or the exit code of the node at which it ended
 * @throws {CommandError} when it changed none, or all of it was taken back
 */
export async function rollBackUpdate(nodes: readonly NodeTarget[], { since, state, back, say }: RollingBack): Promise<number> {
  const states = await Promise.all(nodes.map(async (node) => ({ node, state: await state(node) })));
  const made = states.filter(({ state: { good, laid, since: marked } }) => good !== "" && good === laid && marked >= since);
  const changed = made.filter(({ state: { before } }) => before !== "").map(({ node }) => node).toReversed();
  const without = states.filter((it) => it.state.good === "" || (made.includes(it) && it.state.before === "")).map(({ node }) => node);
  const stay = nodes.filter((node) => !changed.includes(node) && !without.includes(node));
  if (changed.length === 0) {
    throw new CommandError(`rolling back the last update: required a node whose release it made good; found none, on ${nodes.map(({ name }) => name).join(", ")}. Each stays. One by itself: berth rollback --node=NAME`);
  }
  say(`going back: ${changed.map(({ name }) => name).join(", ")}${stay.length === 0 ? "" : `; left as they are: ${stay.map(({ name }) => name).join(", ")}`}${without.length === 0 ? "" : `; with none to go back to: ${without.map(({ name }) => name).join(", ")}`}`);
  for (const [index, node] of changed.entries()) {
    say(`\n== ${node.name ?? ""}`);
    const code = await back(node).catch((error: unknown) => {
      if (!(error instanceof Unreachable)) throw error;
      say(`berth: ${error.message}`);
      return 1;
    });
    if (code === 0) continue;
    const left = changed.slice(index + 1).map(({ name }) => name);
    say(`\nended at ${node.name ?? ""} (exit code ${code})${left.length === 0 ? "" : `; not gone back: ${left.join(", ")}`}`);
    return code;
  }
  return 0;
}

/** The clocks of a laptop and of a server may differ by this much; an update takes longer. */
const CLOCK_SECONDS = 5;

/** When the last update of the stack began, by Pulumi's own history. */
export async function lastUpdate(stack: string | undefined, pulumi: RunPulumi = runPulumi): Promise<number> {
  const said = await mustRun(pulumi, "finding the last update", ["stack", "history", "--json", "--page-size", "20", ...ofStack(stack)]);
  const update = history.parse(JSON.parse(said)).find(({ kind }) => kind === "update");
  if (update === undefined) throw new CommandError("finding the last update: required one in `pulumi stack history`; found none");
  return Date.parse(update.startTime) / 1000 - CLOCK_SECONDS;
}

const history = z.array(z.object({ kind: z.string(), startTime: z.string() }));

/** What a node says of itself. */
export async function stateOf({ target, name }: NodeTarget): Promise<NodeState> {
  const { code, stdout, stderr } = await runOverSsh(target, STATE, { timeoutSeconds: 60 });
  if (code !== 0) throw new CommandError(`asking node ${name ?? ""} for its releases: required exit code 0; found ${code}: ${stderr.trim() || "nothing said"}`);
  return parseState(stdout);
}

/** Shell text: a line each, empty where there is none. A node whose first release failed has no good one. */
export const STATE = `sudo sh -c 'cd /var/lib/berth 2>/dev/null || exit 0; for f in good laid; do head -n1 $f 2>/dev/null || echo; done; stat -c %Y good 2>/dev/null || echo 0; grep -vx "$(head -n1 good 2>/dev/null)" good.history 2>/dev/null | tail -n 1'`;

/** @param text what `STATE` prints */
export function parseState(text: string): NodeState {
  const [good = "", laid = "", since = "0", before = ""] = text.split("\n");
  return { good, laid, since: Number(since), before };
}
