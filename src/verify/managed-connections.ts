import { type Budget, connectionBudget } from "../redis/budget.ts";
import { type Client, type ConnectionKind, kindOf, processOf, queueOf } from "../redis/clients.ts";
import { judgedInstances } from "./nodes.ts";
import { PROCESSES } from "./services.ts";
import type { Connection, Expectations } from "./types.ts";

/**
 * Whose connection is it, at a managed Redis: all processes come from the one address that this server has for it, so that a
 * process is known by the name its connection has. What comes from elsewhere is another user's of the same Redis.
 */

export interface Attributed {
  /** From this server, or by name one of its processes'. */
  readonly own: readonly Connection[];
  /** How many others there are. */
  readonly others: number;
}

/** Holder of what comes from this server's address and is no process's. */
export const THIS_SERVER = "this server";

type ProcessName = (typeof PROCESSES)[number];

interface Draft {
  readonly client: Client;
  readonly kind: ConnectionKind;
  readonly holder: ProcessName | undefined;
}

/**
 * @param ownHost this server's address as Redis shows it; undefined where it shows none: then names have to do
 */
export function managedConnections(clients: readonly Client[], ownHost: string | undefined, expectations: Expectations): Attributed {
  const drafts = clients.map((client): Draft => ({ client, kind: kindOf(client, expectations.queues), holder: processOf(client, PROCESSES, expectations.queues) }));
  const own = drafts.filter(({ client, kind, holder }) => (ownHost === undefined ? holder !== undefined || isNamed(client, kind) : client.host === ownHost));
  return { own: held(own, expectations), others: clients.length - own.length };
}

/** Bull names its blocked clients by the queue alone. */
function isNamed(client: Client, kind: ConnectionKind): boolean {
  return kind === "blocked" && client.name !== "";
}

/**
 * Bull's own name of a blocked client does not say which process has it, and an application may name none of its connections: such ones are
 * counted to a process that lacks one of their kind, and are a surplus when none does. Unnamed ones only where no connection is named by its process:
 * else a leak could stand in for what is missing.
 */
function held(drafts: readonly Draft[], expectations: Expectations): Connection[] {
  const named = drafts.some(({ holder }) => holder !== undefined);
  const processes = [...new Set(judgedInstances(expectations).map(({ process }) => process))];
  const room = new Map(processes.map((process): [ProcessName, Record<ConnectionKind, number>] => [process, { ...connectionBudget(expectations.queues.length, expectations.processes[process]) }]));
  const worked = new Set<string>();
  for (const { holder, kind } of drafts) if (holder !== undefined) take(room, holder, kind);
  const give = ({ client, kind }: Draft): { holder: string; kind: ConnectionKind } => {
    if (named && !isNamed(client, kind)) return { holder: THIS_SERVER, kind };
    // Without flags and without a name nothing tells its kind: any that is lacking.
    const kinds: readonly ConnectionKind[] = client.flags === undefined && client.name === "" ? ["client", "subscriber", "blocked"] : [kind];
    for (const one of kinds) {
      const lacking = processes.filter((it) => (room.get(it)?.[one] ?? 0) > 0);
      const queue = queueOf(client, expectations.queues) ?? "";
      // One that has none of this queue yet: where both processes process, each has one of every queue.
      const process = lacking.find((it) => !worked.has(`${it}:${queue}`)) ?? lacking[0];
      if (process === undefined) continue;
      take(room, process, one);
      worked.add(`${process}:${queue}`);
      return { holder: process, kind: one };
    }
    return { holder: THIS_SERVER, kind };
  };
  return drafts.map((draft) => connection(draft.client, draft.holder === undefined ? give(draft) : { holder: draft.holder, kind: draft.kind }));
}

function take(room: ReadonlyMap<ProcessName, Record<keyof Budget, number>>, process: ProcessName, kind: ConnectionKind): void {
  const left = room.get(process);
  if (left !== undefined) left[kind] -= 1;
}

function connection(client: Client, { holder, kind }: { holder: string; kind: ConnectionKind }): Connection {
  const { id, address, name, ageSeconds, lastCommand } = client;
  return { id, address, name, kind, holder, ageSeconds: ageSeconds ?? 0, lastCommand: lastCommand ?? "" };
}
