import { queueConnectionsByKind } from "berth-runtime";
import type { ConnectionKind } from "./clients.ts";

/** Connections that a process opens under Bull 4, by kind (docs/verification.md). */
export type Budget = Readonly<Record<ConnectionKind, number>>;

/** Connections of one process. Required and most allowed are the same number; what a queue costs is the runtime's knowledge: it opens them. */
export function connectionBudget(queues: number, { listens, processes }: { readonly listens: boolean; readonly processes: boolean }): Budget {
  return { ...queueConnectionsByKind({ queues, listens, processes }), other: 0 };
}

/** All kinds together. */
export function budgetTotal(budget: Budget): number {
  return budget.client + budget.subscriber + budget.blocked + budget.other;
}
