import { redisAof, redisAofStatus } from "../verify/checks/redis.ts";
import type { Check } from "../verify/types.ts";
import { fail, pass } from "../verify/verdict.ts";
import type { DoctorFacts } from "./facts.ts";
import { serviceContainer } from "./names.ts";
import { checkFacts } from "./verify-facts.ts";

/** Redis's append-only file: is it on, and what would a restart lose? */

const EXPECTED = "aof_enabled:1";

/** As the verification judges it; and off by CONFIG GET is off, whatever INFO says. */
export function appendOnlyFile(facts: DoctorFacts): Check {
  const { config } = facts.redis;
  return config.known && config.value.get("appendonly") === "no" ? fail("redis.aof", "appendonly no", EXPECTED) : redisAof(checkFacts(facts));
}

/** What decides whether Redis may be restarted. */
export function beforeRestart(facts: DoctorFacts): Check[] {
  if (holdsNothing(facts)) return [pass("redis.aof", "Redis has nothing in memory that is not in its file", EXPECTED)];
  return [appendOnlyFile(facts), redisAofStatus(checkFacts(facts))];
}

/** A Redis that does not run, or only reads its file, and takes no writes meanwhile. A paused one still has its memory. */
function holdsNothing(facts: DoctorFacts): boolean {
  const { host, redis, expectations } = facts;
  if (redis.info.known) return redis.info.value.get("loading") === "1";
  if (!host.containers.known || !expectations.known || !("redis" in expectations.value.images)) return false;
  const status = serviceContainer(facts, "redis")?.status;
  return status !== "running" && status !== "paused";
}
