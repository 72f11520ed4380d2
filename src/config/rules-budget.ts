import {
  connectionCeiling,
  expectedConnections,
  maxmemoryLimitMb,
  processConnections,
  RESERVED_CLIENTS,
  volumeFloorGb,
} from "./budgets.ts";
import { OVERHEAD_MB } from "../redis/sizing.ts";
import { layoutOf, processCount } from "./nodes.ts";
import type { Fault } from "./fault.ts";
import { isManaged } from "./managed.ts";
import type { Rule } from "./rules.ts";
import type { Config } from "./schema.ts";

/** Rules about what is promised against what there is: memory, connections, disk. */

function ceilingFaults(config: Config): Fault[] {
  const [apis, workers] = [processCount(config, "api"), processCount(config, "worker")];
  const ceiling = connectionCeiling(config);
  const found = `${ceiling}${config.redis.connectionCeiling === undefined ? ` (three a queue a process, for ${config.app.queues.length} queues${apis + workers > 2 ? ` and ${apis + workers} processes` : ""})` : ""}`;
  const limit = clientLimit(config);
  const most = limit.connections - RESERVED_CLIENTS;
  const least = expectedConnections(config);
  if (ceiling > most) {
    return [{ path: "redis.connectionCeiling", required: `at most ${most} (${limit.key} ${limit.connections} less ${RESERVED_CLIENTS} for health checks, the verifier and a person)`, found }];
  }
  if (ceiling < least) {
    const [api, worker] = [processConnections(config, "api"), processConnections(config, "worker")];
    return [{ path: "redis.connectionCeiling", required: `at least ${least}, which the processes open (${times(apis)}api ${api} + ${times(workers)}worker ${worker}, with ${config.app.queues.length} queues)`, found }];
  }
  return [];
}

function times(count: number): string {
  return count > 1 ? `${count} x ` : "";
}

/** How many clients Redis lets in, by which key: Berth's own by its setting, a managed one by the provider's plan. */
function clientLimit({ redis, secrets }: Config): { key: string; connections: number } {
  if (secrets.redisUrl === undefined) return { key: "redis.maxclients", connections: redis.maxclients };
  // Not told: that is a fault of its own, and nothing to hold a ceiling against.
  return { key: "redis.managed.connections", connections: redis.managed.connections ?? Number.POSITIVE_INFINITY };
}

export const budgetRules: readonly Rule[] = [
  {
    reads: ["redis.memoryMb", "redis.maxmemoryMb", "secrets.redisUrl"],
    judge: (config) => {
      if (isManaged(config)) return [];
      const most = maxmemoryLimitMb(config);
      if (config.redis.maxmemoryMb <= most) return [];
      const required =
        most < 16
          ? `redis.memoryMb of at least ${2 * config.redis.maxmemoryMb + OVERHEAD_MB}`
          : `at most ${most}: (redis.memoryMb ${config.redis.memoryMb} - ${OVERHEAD_MB}) / 2, because an AOF rewrite forks`;
      return [{ path: "redis.maxmemoryMb", required, found: String(config.redis.maxmemoryMb) }];
    },
  },
  {
    reads: ["nodes", "redis.connectionCeiling", "redis.maxclients", "redis.managed.connections", "secrets.redisUrl", "app.queues", "api.listens", "api.processes", "worker.listens", "worker.processes"],
    judge: ceilingFaults,
  },
  {
    reads: ["nodes", "volume.sizeGb", "redis.maxmemoryMb", "secrets.redisUrl"],
    judge: (config) => {
      const least = volumeFloorGb(config);
      const { redis } = layoutOf(config).holder;
      const sizeGb = redis?.volume?.sizeGb;
      if (redis === undefined || sizeGb === undefined || sizeGb >= least) return [];
      const path = config.nodes[redis.kind]?.volumeSizeGb === undefined ? "volume.sizeGb" : `nodes.${redis.kind}.volumeSizeGb`;
      return [{ path, required: `at least ${least}: the AOF may reach 4 x redis.maxmemoryMb, and twice that must stay free`, found: String(sizeGb) }];
    },
  },
];
