import { type Stack, typist } from "../verify/advice.ts";
import type { DoctorFacts } from "./facts.ts";
import { beforeRestart } from "./redis-file.ts";
import type { Cause, Change } from "./types.ts";
import { checkFacts } from "./verify-facts.ts";

/** What to do, as it is typed on this stack: with its names, for this node, and behind what must come before a restart of Redis. */

/** What is said of a release whose expectations cannot be read: Compose's own names, of the only node. */
const UNKNOWN: Stack = { project: "berth", redis: { managed: null } };
/** A volume grows in place, and nothing is restarted for that. */
const GROWS: ReadonlySet<string> = new Set(["volume.sizeGb"]);
/** On several nodes an entry of `nodes` may say otherwise than the stack, and what it says counts. */
const OF_NODE: Readonly<Record<string, string>> = { "server.type": "serverType", "volume.sizeGb": "volumeSizeGb" };

export function adviser(facts: DoctorFacts): (cause: Cause) => Cause {
  const stack = facts.expectations.known ? facts.expectations.value : UNKNOWN;
  const type = typist(beforeRestart(facts), checkFacts(facts), stack);
  return (cause) => {
    const changes = cause.changes ?? [];
    return { ...cause, next: type(cause.next, changes.some(({ key }) => !GROWS.has(key))), changes: changes.map((change) => onNode(change, stack.node?.name)) };
  };
}

function onNode(change: Change, node: string | undefined): Change {
  const key = OF_NODE[change.key];
  return node === undefined || key === undefined ? change : { ...change, key: `nodes.${entryOf(node)}.${key}` };
}

/** Of an entry with a `count` the second machine is called NAME-2, and so on (src/config/nodes.ts). */
export function entryOf(node: string): string {
  return node.replace(/-(?:[2-9]|[1-9]\d+)$/, "");
}
