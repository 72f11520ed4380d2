import { queueConnections } from "berth-runtime";
import { FREE_PER_AOF, maxmemoryLimit, OVERHEAD_MB } from "../redis/sizing.ts";
import { placedRoles, processCount } from "./nodes.ts";
import type { Role } from "./roles.ts";
import type { Config } from "./schema.ts";

/** What a deployment may use: connections and memory. Every number that others must keep to is made here, once. */

/** Connections one process opens when all is well. What a queue costs is the runtime's knowledge: it opens them. */
export function processConnections(config: Config, process: "api" | "worker"): number {
  const { listens, processes } = config[process];
  return queueConnections({ queues: config.app.queues.length, listens, processes });
}

const PROCESSES = ["api", "worker"] as const;

/** Connections that all processes open together, over all nodes. */
export function expectedConnections(config: Config): number {
  return PROCESSES.reduce((sum, process) => sum + processCount(config, process) * processConnections(config, process), 0);
}

/** The most they may hold: as configured, else three a queue a process. */
export function connectionCeiling(config: Config): number {
  return config.redis.connectionCeiling ?? config.app.queues.length * 3 * PROCESSES.reduce((sum, process) => sum + processCount(config, process), 0);
}

/**
 * Connections kept free under `maxclients` for those that are not the application's: health check, verifier, a person's
 * redis-cli, and a surplus that must be let in to be seen and named.
 */
export const RESERVED_CLIENTS = 16;

/** The most `redis.maxmemoryMb` may be, in MiB. */
export function maxmemoryLimitMb(config: Config): number {
  return maxmemoryLimit(config.redis.memoryMb, OVERHEAD_MB);
}

/** Memory limit of the verifier's container, in MiB: one Node process that holds one report. */
export const VERIFY_MEMORY_MB = 192;

/** Memory limit of the migration's container, in MiB: it is a client, the work is done by Postgres. */
export const MIGRATE_MEMORY_MB = 256;

/**
 * Memory promised at the worst moment, in MiB: every service, and the larger of the two that run once. A migration runs
 * while the previous release still serves, the verifier beside the new one, and never both.
 * @param roles those of one server
 * @param isMigrator whether the migration, if there is one, runs there
 */
export function memoryDemand(config: Config, roles: readonly Role[] = placedRoles(config), isMigrator = true): ReadonlyMap<string, number> {
  const migrates = isMigrator && config.app.migrate.length > 0 && MIGRATE_MEMORY_MB > VERIFY_MEMORY_MB;
  const once: [string, number] = migrates ? ["migrate", MIGRATE_MEMORY_MB] : ["verify", VERIFY_MEMORY_MB];
  const services: [Role, number][] = [
    ["redis", config.redis.memoryMb],
    ["postgres", config.postgres.memoryMb],
    ["api", config.api.memoryMb],
    ["worker", config.worker.memoryMb],
    ["proxy", config.proxy.memoryMb],
  ];
  return new Map([...services.filter(([role]) => roles.includes(role)), once]);
}

/** An AOF on disk reaches four times its data (measured); the verification wants twice the AOF free besides. */
const AOF_PER_DATA = 4;

/** The least the volume may be, in GB, for Redis alone to keep within what the verification demands. */
export function volumeFloorGb(config: Config): number {
  return Math.ceil((config.redis.maxmemoryMb * AOF_PER_DATA * (1 + FREE_PER_AOF) * 1.048_576) / 1000);
}

/** The longest an orderly stop may hold up a release or a reboot, in seconds. */
export const LONGEST_STOP_SECONDS = 900;

/** The largest user data Hetzner takes, in bytes. */
export const USER_DATA_LIMIT = 32_768;

/** The smallest root disk that holds the system and the images of two releases, in GB. */
export const ROOT_DISK_GB = 20;
