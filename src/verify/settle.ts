import { budgetTotal, connectionBudget } from "../redis/budget.ts";
import { type Client, isLocal, kindOf, queueOf } from "../redis/clients.ts";
import { connectionsOf, type Holders } from "./attribution.ts";
import { settledAcross } from "./nodes.ts";
import { foreigners, lacks, surplus } from "./checks/connections.ts";
import { managedConnections } from "./managed-connections.ts";
import { PROCESSES } from "./services.ts";
import type { Expectations } from "./types.ts";

/** Polls that must agree: a graceful close opens an extra blocked client for half a second, an overlapping restart longer. */
const POLLS = 3;
const INTERVAL_MS = 1000;

export interface Settled {
  readonly clients: readonly Client[];
  /** False when the window ended first: what is amiss then is amiss for good. */
  readonly settled: boolean;
  readonly ms: number;
}

export interface SettleOptions {
  /** CLIENT LIST without the verifier's own. May reject; that poll then counts for nothing. */
  readonly poll: () => Promise<readonly Client[]>;
  /** Whether these connections are exactly what is expected. */
  readonly expected: (clients: readonly Client[]) => Promise<boolean>;
  /** Whether nothing is under way that may open connections yet (the canary). */
  readonly steady: () => boolean;
  readonly windowMs: number;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Polls each second until the expected connections, with the same ids, were there three times in a row; that takes two seconds when
 * nothing is amiss. Else ends with the window and returns what was there last.
 *
 * @throws the last error of `poll`, when no poll succeeded within the window.
 */
export async function settle({ poll, expected, steady, windowMs, now, sleep }: SettleOptions): Promise<Settled> {
  const start = now();
  let last: readonly Client[] | undefined;
  let failure: unknown;
  let same = 0;
  let ids = "";
  for (;;) {
    const began = now();
    // Before the poll: what the canary opened must be in the list that ends this.
    const quiet = steady();
    try {
      last = await poll();
      const these = last.map(({ id }) => id).toSorted().join();
      same = (await expected(last)) ? (these === ids ? same + 1 : 1) : 0;
      ids = these;
    } catch (error) {
      failure = error;
      same = 0;
    }
    const spent = now() - start;
    if (last !== undefined && same >= POLLS && quiet) return { clients: last, settled: true, ms: spent };
    if (spent + INTERVAL_MS > windowMs) {
      if (last === undefined) throw failure;
      return { clients: last, settled: false, ms: spent };
    }
    await sleep(Math.max(0, INTERVAL_MS - (now() - began)));
  }
}

/** The same at a managed Redis, where a process is known by the names of its connections. */
export function asExpectedManaged(clients: readonly Client[], ownHost: string | undefined, expectations: Expectations): boolean {
  const { own } = managedConnections(clients, ownHost, expectations);
  return foreigners(own, expectations).length === 0 && lacks(own, expectations).length === 0 && surplus(own, expectations).length === 0;
}

/**
 * Whether the connections are exactly those of the budget. With the processes' addresses at hand each process is judged by
 * itself; without (no name service that knows them) the sums by kind, and each queue's blocked clients.
 */
export function asExpected(clients: readonly Client[], holders: Holders, expectations: Expectations): boolean {
  const { queues, node } = expectations;
  // Where Redis is elsewhere, and where data stands alone, no container's address tells anything.
  if (node !== undefined && (node.redis === "elsewhere" || node.instances.every(({ address }) => address !== null))) {
    return settledAcross(clients, expectations) && (node.redis !== "here" || foreigners(connectionsOf(clients, withOthers(holders, expectations), queues), expectations).length === 0);
  }
  if (holders.size > 0) {
    const connections = connectionsOf(clients, withOthers(holders, expectations), queues);
    return foreigners(connections, expectations).length === 0 && lacks(connections, expectations).length === 0 && surplus(connections, expectations).length === 0;
  }
  const counted = clients.filter((client) => !isLocal(client));
  const budgets = PROCESSES.map((process) => connectionBudget(queues.length, expectations.processes[process]));
  const kinds = ["client", "subscriber", "blocked"] as const;
  const total = budgets.reduce((sum, budget) => sum + budgetTotal(budget), 0);
  const blockers = budgets.filter((budget) => budget.blocked > 0).length;
  const blocked = counted.filter((client) => kindOf(client, queues) === "blocked");
  const named = blocked.filter((client) => queueOf(client, queues) !== undefined);
  return counted.length === total
    && kinds.every((kind) => counted.filter((client) => kindOf(client, queues) === kind).length === budgets.reduce((sum, budget) => sum + budget[kind], 0))
    && (named.length === 0 || queues.every((queue) => named.filter((client) => queueOf(client, queues) === queue).length === blockers));
}

/** Processes on other nodes beside those whose containers' addresses are known. */
function withOthers(holders: Holders, { node }: Expectations): Holders {
  const remote = [...(node?.instances ?? []), ...(node?.others ?? [])].flatMap(({ address, holder }): [string, string][] => (address === null ? [] : [[address, holder]]));
  return remote.length === 0 ? holders : new Map([...holders, ...remote]);
}
