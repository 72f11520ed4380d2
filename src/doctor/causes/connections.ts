import { infoNumber } from "../../redis/info.ts";
import { nameConnection } from "../../verify/attribution.ts";
import { foreigners, surplus } from "../../verify/checks/connections.ts";
import type { Connection } from "../../verify/types.ts";
import { plural } from "../../verify/words.ts";
import type { DoctorFacts } from "../facts.ts";
import type { Cause } from "../types.ts";
import { attributed } from "../verify-facts.ts";

/** Connections to Redis that nobody declared. What was there at one end of the watch only comes and goes by itself (a closing worker's). */

const MAXCLIENTS_SHARE = 0.8;
/** Named one by one; the rest is counted. */
const NAMED = 3;

export function connectionFaults(facts: DoctorFacts): Cause[] {
  const { expectations, before, redis, host } = facts;
  const causes: Cause[] = [];
  if (expectations.known && redis.clients.known && before.clients.known && host.containers.known) {
    const earlier = new Set(before.clients.value.map(({ id }) => id));
    const stayed = attributed(facts, redis.clients.value.filter(({ id }) => earlier.has(id)), expectations.value);
    for (const { holder, kind, most, held, over } of surplus(stayed, expectations.value)) {
      causes.push({
        id: "connections.surplus", level: "warning", what: `${holder} holds connections to Redis that it does not need`,
        evidence: [`${held} ${kind} connections, ${most} allowed`, ...named(over)],
        next: "One client for each request or job? Use the queue's own (`queue.client`). If it is meant to: api.listens, api.processes, worker.listens.",
        changes: [],
      });
    }
    const strangers = foreigners(stayed, expectations.value);
    if (strangers.length > 0) {
      causes.push({
        id: "connections.foreign", level: "warning", what: "somebody else is connected to Redis",
        evidence: [plural(strangers.length, "connection"), ...named(strangers)],
        next: "Stop the container or program named, or give it a Redis of its own.",
      });
    }
  }
  return [...causes, ...nearlyAll(facts)];
}

function named(connections: readonly Connection[]): string[] {
  const rest = connections.length - NAMED;
  return [...connections.slice(0, NAMED).map(nameConnection), ...(rest > 0 ? [`and ${rest} more`] : [])];
}

function nearlyAll({ redis }: DoctorFacts): Cause[] {
  if (!redis.info.known) return [];
  const [connected, most, rejected] = ["connected_clients", "maxclients", "rejected_connections"].map((field) => infoNumber(redis.info.known ? redis.info.value : new Map(), field));
  if (connected === undefined || most === undefined || connected < most * MAXCLIENTS_SHARE) return [];
  return [{
    id: "connections.maxclients", level: "critical", what: "Redis has nearly as many clients as it takes",
    evidence: [`INFO clients: ${connected} of ${most} (maxclients), ${rejected ?? "?"} refused since it started`],
    next: "Find who holds them (`berth doctor clients`); more is allowed only after that.", changes: [{ key: "redis.maxclients", to: undefined, hint: "above what is needed" }],
  }];
}
