import { infoNumber } from "../../redis/info.ts";
import type { CheckId } from "../rules.ts";
import type { Facts } from "../seen.ts";
import type { Check, Expectations, ManagedExpectation } from "../types.ts";
import { fail, pass, providerManaged, PROVIDER_MANAGED, unknown } from "../verdict.ts";
import { bytes } from "../words.ts";
import { redisAof, redisAofStatus, redisEvictionPolicy, redisLoading, redisMemory, redisReady } from "./redis.ts";
import { redisEvictions, redisFork, redisRejected } from "./redis-health.ts";

/**
 * Redis's checks where a provider runs it: what it shows is judged, by what can be asked of another's Redis; what it hides is
 * `provider-managed`, listed and counted apart. A connection that fails hides nothing: it has failed.
 */

const READY_TODO =
  "secrets.redisUrl (host, port, user, password) against the provider's page; does its allow-list have this server's address? Certificates: redis.managed.caCertificate, redis.managed.serverName.";

type Managed = (facts: Facts, expectations: Expectations, managed: ManagedExpectation) => Check;

const CHECKS: readonly Managed[] = [
  (facts, expectations) => advised(redisReady(facts, expectations), READY_TODO),
  (facts) => redisLoading(facts),
  snapshots,
  persistence,
  (facts) => advised(redisAofStatus(facts), "The provider's Redis cannot write: its status page and its support."),
  (facts) => advised(redisEvictionPolicy(facts), "Set the eviction policy to noeviction at the provider: any other deletes queued jobs in silence."),
  maxmemory,
  memory,
  () => hidden("redis.config", "the configuration is the provider's", "the provider's own"),
  (facts) => counted(redisEvictions(facts), facts, "evicted_keys"),
  (facts) => counted(redisRejected(facts), facts, "rejected_connections"),
  (facts) => advised(redisFork(facts), "A plan with fewer neighbours or less data: every client waits while the provider's Redis forks."),
  () => hidden("redis.hugepages", "Redis runs on the provider's machine", "the provider's own"),
  () => hidden("redis.overcommit", "Redis runs on the provider's machine", "the provider's own"),
  () => hidden("redis.swap", "Redis runs on the provider's machine", "the provider's own"),
];

/** In the order of the table. */
export function managedRedis(facts: Facts, expectations: Expectations, managed: ManagedExpectation): Check[] {
  return CHECKS.map((check) => apart(check(facts, expectations, managed)));
}

function hidden(id: CheckId, why: string, expected: string): Check {
  return providerManaged(id, why, expected);
}

/** An unknown that begins by saying so is the provider's: of a missing field of INFO, or of a command that it refuses. */
function apart(check: Check): Check {
  const isTheirs = check.status === "unknown" && check.seen.startsWith(PROVIDER_MANAGED);
  return isTheirs ? { ...check, advice: "", providerManaged: true } : check;
}

function advised(check: Check, todo: string): Check {
  return check.status === "fail" ? { ...check, advice: todo } : check;
}

/** Snapshots are the provider's backup, on its machine: said, not judged. */
function snapshots({ seen }: Facts): Check {
  const save = seen.redis.config.known ? seen.redis.config.value.get("save") : undefined;
  const expected = "the provider's own";
  return save === undefined ? hidden("redis.save", "CONFIG GET shows no `save`", expected) : pass("redis.save", `save "${save}"`, expected);
}

const LOSS = { aof: "aof_enabled:1", snapshots: "aof_enabled:1, or snapshots", none: "none asked for (redis.managed.persistence)" } as const;

/** Where the provider shows what it keeps, that must be what was asked for. */
function persistence(facts: Facts, _expectations: Expectations, { persistence: asked }: ManagedExpectation): Check {
  const expected = LOSS[asked];
  const check = { ...redisAof(facts), expected };
  if (check.status !== "fail") return check;
  const save = facts.seen.redis.config.known ? facts.seen.redis.config.value.get("save") : undefined;
  if (asked === "none") return pass("redis.aof", check.seen, expected);
  if (asked === "snapshots" && save !== "") return pass("redis.aof", `${check.seen}, snapshots ${save === undefined ? "by the provider's word" : `"${save}"`}`, expected);
  return fail("redis.aof", check.seen, expected, "Turn the append-only file on at the provider; or say what may be lost by redis.managed.persistence: snapshots, none.");
}

function maxmemory({ seen }: Facts): Check {
  const expected = "a limit";
  const { info } = seen.redis;
  if (!info.known) return unknown("redis.maxmemory", info.why, expected);
  const limit = infoNumber(info.value, "maxmemory");
  return limit === undefined || limit === 0 ? hidden("redis.maxmemory", "INFO shows no limit", expected) : pass("redis.maxmemory", bytes(limit), expected);
}

/** A limit that the provider does not show is not "no limit". */
function memory(facts: Facts): Check {
  const { info } = facts.seen.redis;
  if (info.known && infoNumber(info.value, "maxmemory") === 0) return hidden("redis.memory", "INFO shows no limit", "under 70 % of maxmemory");
  return advised(redisMemory(facts), "Bound job retention (removeOnComplete, removeOnFail), drain the queues, or take a larger plan.");
}

/** Nobody noted the counter when the release began: above zero it may be from long before. */
function counted(check: Check, { seen }: Facts, field: string): Check {
  const { info } = seen.redis;
  const now = info.known ? infoNumber(info.value, field) : undefined;
  if (now === undefined) return check;
  return { ...check, ...(now === 0 ? { status: "pass", seen: "0 since Redis started" } : { status: "unknown", seen: `${now} since Redis started, before this release or after` }), advice: "" };
}
