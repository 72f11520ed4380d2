import { holdersOf, connectionsOf } from "../verify/attribution.ts";
import { notKnown } from "../verify/fact.ts";
import type { Facts } from "../verify/seen.ts";
import type { Connection, Expectations } from "../verify/types.ts";
import type { Client } from "../redis/clients.ts";
import type { DoctorFacts } from "./facts.ts";

/** The facts as the verifier's checks take them. What only the verifier looks at (the API, Postgres, a canary) is not known here. */
export function checkFacts({ at, host, redis }: DoctorFacts): Facts {
  const unseen = notKnown("a diagnosis does not look at it: berth verify does");
  return {
    host,
    seen: {
      at,
      redis: { ready: unseen, info: redis.info, config: redis.config, clients: redis.clients, ownHost: undefined, queues: unseen, heartbeatTtlMs: redis.heartbeatTtlMs },
      names: new Map(),
      postgres: unseen,
      api: { ready: unseen, canary: unseen },
      metadata: unseen,
      refused: unseen,
    },
  };
}

/** Whose connections they are; those of a verification or a migration under way are nobody's fault. */
export function attributed(facts: DoctorFacts, clients: readonly Client[], expectations: Expectations): Connection[] {
  const { containers } = facts.host;
  const passing = new Set(containers.known ? containers.value.filter(({ oneOff }) => oneOff).map(({ name }) => name) : []);
  return connectionsOf(clients, holdersOf(checkFacts(facts), expectations), expectations.queues).filter(({ holder }) => !passing.has(holder));
}
