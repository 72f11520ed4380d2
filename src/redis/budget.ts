import type { ConnectionKind } from "./clients.ts";

/** Connections that a process opens under Bull 4, by kind. Bull opens them lazily and keeps them (docs/verification.md). */
export type Budget = Readonly<Record<ConnectionKind, number>>;

/**
 * Connections of one process: a client per queue, a subscriber per queue where it listens to global events or processes,
 * a blocked client per queue where it processes. Required and most allowed are the same number.
 */
export function connectionBudget(queues: number, process: { readonly listens: boolean; readonly processes: boolean }): Budget {
  return {
    client: queues,
    subscriber: process.listens || process.processes ? queues : 0,
    blocked: process.processes ? queues : 0,
    other: 0,
  };
}

/** All kinds together. */
export function budgetTotal(budget: Budget): number {
  return budget.client + budget.subscriber + budget.blocked + budget.other;
}
