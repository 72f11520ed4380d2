import type { Facts } from "../seen.ts";
import type { Check, Expectations } from "../types.ts";
import { typed } from "../advice.ts";
import { proxyCertificate } from "./certificate.ts";
import { appConsuming } from "./consuming.ts";
import { appCanary, appHeartbeat, appReady } from "./application.ts";
import { connectionsForeign, connectionsMaximum, connectionsRequired, connectionsTotal } from "./connections.ts";
import { appHealth, appImages, appOom, appRestarts } from "./containers.ts";
import { concerns } from "../nodes.ts";
import { driftContainers, driftFiles, driftKernel } from "./drift.ts";
import { exposureFirewall, exposureMetadata, exposurePorts, exposurePrivate } from "./exposure.ts";
import { hostDisk, hostMemory, hostVolume } from "./host.ts";
import { limitsCpu, limitsMemory } from "./limits.ts";
import { managedRedis } from "./managed.ts";
import { postgresConnections, postgresReady } from "./postgres.ts";
import { redisEvictions, redisFork, redisHugepages, redisOvercommit, redisRejected, redisSwap } from "./redis-health.ts";
import {
  redisAof, redisAofStatus, redisConfig, redisEvictionPolicy, redisLoading, redisMaxmemory, redisMemory, redisReady, redisSave,
} from "./redis.ts";

type OneCheck = (facts: Facts, expectations: Expectations) => Check;

const OWN_REDIS: readonly OneCheck[] = [
  redisReady, redisLoading, redisSave, redisAof, redisAofStatus, redisEvictionPolicy, redisMaxmemory, redisMemory, redisConfig,
  redisEvictions, redisRejected, redisFork, redisHugepages, redisOvercommit, redisSwap,
];

const THE_REST: readonly OneCheck[] = [
  connectionsRequired, connectionsMaximum, connectionsTotal, connectionsForeign,
  appHealth, appRestarts, appOom, appImages, appReady, appConsuming,
  postgresReady, postgresConnections,
  hostVolume, hostDisk, hostMemory,
  exposurePorts, exposureMetadata, exposureFirewall, exposurePrivate,
  limitsMemory, limitsCpu, driftFiles, driftContainers, driftKernel,
];

/** Ids of what writes need: when these fail because the disk refuses, the application fails after them. */
const WRITERS = /^(?:app\.ready|app\.heartbeat|app\.health|app\.restarts|connections\.required|app\.canary\..*|postgres\.ready|redis\.ready)$/;

/** Every check that concerns this node, in the order of the table. */
export function judge(facts: Facts, expectations: Expectations): Check[] {
  const each = (checks: readonly OneCheck[]): Check[] => checks.map((check) => check(facts, expectations));
  const { managed } = expectations.redis;
  const checks = typed([
    ...(managed === null ? each(OWN_REDIS) : managedRedis(facts, expectations, managed)),
    ...each(THE_REST),
    ...proxyCertificate(facts, expectations),
    ...appHeartbeat(facts, expectations),
    ...appCanary(facts, expectations),
  ].filter(({ id }) => concerns(id, expectations)), facts, expectations);
  // Redis says that the disk refuses its writes: what fails for want of writes is then the host's doing, and going back mends nothing.
  const refused = checks.some(({ id, status }) => id === "redis.aof-status" && status === "fail");
  if (!refused) return checks;
  return checks.map((check) => check.status === "fail" && WRITERS.test(check.id) ? { ...check, cause: "host", advice: "Redis cannot write: see redis.aof-status." } : check);
}
