/** What a queue application imports so that it starts, reports and stops the way Berth verifies. See docs/application.md. */
export { type ConnectionsByKind, queueConnections, queueConnectionsByKind, type QueueUse } from "./budget.ts";
export { isCanary, runCanary, withCanary, type CanaryReport } from "./canary.ts";
export { QueueConnections, redisOptions, type RedisUse } from "./connection.ts";
export { HEARTBEAT_EVERY_MS, HEARTBEAT_KEY, HEARTBEAT_TTL_SECONDS, startHeartbeat, type Heartbeat } from "./heartbeat.ts";
export { boundedJobOptions } from "./jobs.ts";
export { getTotalQueueCount, readiness, type Readiness } from "./readiness.ts";
export { inContainer, resolveRedisUrl, resolveServiceUrl } from "./service-url.ts";
export { readSecret } from "./secret.ts";
export { onShutdown } from "./shutdown.ts";
export { startupDeadlineMs, validateProduction, type Logger } from "./validate-production.ts";
export { waitForRedisReady, type ReadyOptions, type RedisLike } from "./wait-for-redis.ts";
export { touchHealth, workerHealth } from "./worker-health.ts";
