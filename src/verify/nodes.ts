import { budgetTotal, connectionBudget } from "../redis/budget.ts";
import { type Client, isLocal, kindOf } from "../redis/clients.ts";
import type { Expectations, Instance } from "./types.ts";

/** What a stack of several nodes changes in the verification of one of them. */

/** On one node: both processes, seen by their containers' addresses. */
const ALONE: readonly Instance[] = [{ holder: "api", process: "api", address: null }, { holder: "worker", process: "worker", address: null }];

/** The processes whose connections are judged here. */
export function judgedInstances({ node }: Expectations): readonly Instance[] {
  return node?.instances ?? ALONE;
}

/** The node in a holder's name, such as `worker@b`; undefined for a process of the node that is judged. */
export function nodeOf(holder: string): string | undefined {
  const at = holder.indexOf("@");
  return at === -1 ? undefined : holder.slice(at + 1);
}

/** Checks that need Redis to answer, wherever it is. The other checks on Redis are judged where it runs. */
const OF_ANY_REDIS: ReadonlySet<string> = new Set(["redis.ready", "redis.loading"]);

/** Whether a check is judged on this node. On a stack of one node all are. */
export function concerns(id: string, expectations: Expectations): boolean {
  const { node, volume } = expectations;
  if (id === "exposure.private") return node !== undefined && node.refused.length > 0;
  if (id === "host.volume") return volume !== null;
  if (node === undefined) return true;
  if (id.startsWith("redis.") && expectations.redis.managed !== null) return node.redis === "elsewhere" && (node.last || OF_ANY_REDIS.has(id));
  if (id.startsWith("redis.")) return node.redis === "here" || (node.redis === "elsewhere" && OF_ANY_REDIS.has(id));
  if (id === "connections.required" || id === "connections.maximum") return node.instances.length > 0;
  if (id.startsWith("app.canary.")) return node.canary;
  // Where Redis runs its own containers are known by name; from elsewhere a stranger among them looks like the process that is meant to be there.
  if (id === "connections.foreign" && node.redis === "here") return true;
  if (id.startsWith("connections.") || id === "app.heartbeat" || id === "app.consuming") return node.last;
  if (id === "app.ready") return node.api !== "not used";
  if (id.startsWith("postgres.")) return node.postgres !== "not used";
  return true;
}

/**
 * Whether the connections are those of the judged processes, before the host's facts tell containers apart: the sum by kind of each
 * address that a process can have. Redis elsewhere sees all of a node under one address, and what is on its own node under many.
 */
export function settledAcross(clients: readonly Client[], expectations: Expectations): boolean {
  const { queues, processes } = expectations;
  const instances = judgedInstances(expectations);
  const known = new Set(instances.flatMap(({ address }) => address ?? []));
  const addresses = [...new Set(instances.map(({ address }) => address))];
  return addresses.every((address) => {
    const members = instances.filter((instance) => instance.address === address);
    const own = clients.filter((client) => !isLocal(client) && (address === null ? !known.has(client.host) : client.host === address));
    const budgets = members.map(({ process }) => connectionBudget(queues.length, processes[process]));
    const total = budgets.reduce((sum, budget) => sum + budgetTotal(budget), 0);
    return own.length === total
      && (["client", "subscriber", "blocked"] as const).every((kind) => own.filter((client) => kindOf(client, queues) === kind).length === budgets.reduce((sum, budget) => sum + budget[kind], 0));
  });
}
