import {
  connectionCeiling,
  expectedConnections,
  maxmemoryLimitMb,
  processConnections,
  REDIS_OVERHEAD_MB,
  RESERVED_CLIENTS,
  volumeFloorGb,
} from "./budgets.ts";
import { layoutOf, workerCount } from "./nodes.ts";
import type { Fault } from "./fault.ts";
import type { Rule } from "./rules.ts";
import type { Config } from "./schema.ts";

/** Rules about what is promised against what there is: memory, connections, disk. */

function ceilingFaults(config: Config): Fault[] {
  const workers = workerCount(config);
  const ceiling = connectionCeiling(config);
  const found = `${ceiling}${config.redis.connectionCeiling === undefined ? ` (three a queue a process, for ${config.app.queues.length} queues${workers > 1 ? ` and ${1 + workers} processes` : ""})` : ""}`;
  const most = config.redis.maxclients - RESERVED_CLIENTS;
  const least = expectedConnections(config);
  if (ceiling > most) {
    return [{ path: "redis.connectionCeiling", required: `at most ${most} (redis.maxclients ${config.redis.maxclients} less ${RESERVED_CLIENTS} for health checks, the verifier and a person)`, found }];
  }
  if (ceiling < least) {
    const [api, worker] = [processConnections(config, "api"), processConnections(config, "worker")];
    return [{ path: "redis.connectionCeiling", required: `at least ${least}, which the processes open (api ${api} + ${workers > 1 ? `${workers} x ` : ""}worker ${worker}, with ${config.app.queues.length} queues)`, found }];
  }
  return [];
}

export const budgetRules: readonly Rule[] = [
  {
    reads: ["redis.memoryMb", "redis.maxmemoryMb"],
    judge: (config) => {
      const most = maxmemoryLimitMb(config);
      if (config.redis.maxmemoryMb <= most) return [];
      const required =
        most < 16
          ? `redis.memoryMb of at least ${2 * config.redis.maxmemoryMb + REDIS_OVERHEAD_MB}`
          : `at most ${most}: (redis.memoryMb ${config.redis.memoryMb} - ${REDIS_OVERHEAD_MB}) / 2, because an AOF rewrite forks`;
      return [{ path: "redis.maxmemoryMb", required, found: String(config.redis.maxmemoryMb) }];
    },
  },
  {
    reads: ["nodes", "redis.connectionCeiling", "redis.maxclients", "app.queues", "api.listens", "api.processes", "worker.listens", "worker.processes"],
    judge: ceilingFaults,
  },
  {
    reads: ["nodes", "volume.sizeGb", "redis.maxmemoryMb"],
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
