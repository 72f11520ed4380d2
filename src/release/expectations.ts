import { apiUrl, REDIS_URL } from "../compose/application.ts";
import { INSIDE, MOUNT, POSTGRES_PORT } from "../compose/paths.ts";
import { connectionCeiling } from "../config/budgets.ts";
import { firstOf, type Here, serves } from "../config/nodes.ts";
import type { Role } from "../config/roles.ts";
import { isManaged } from "../config/managed.ts";
import type { Config } from "../config/schema.ts";
import { publicPorts } from "../host/firewall.ts";
import { nftTable, tableRules } from "../host/nftables.ts";
import { kernelSettings } from "../host/settings.ts";
import { redisRunningConfig } from "../redis/conf.ts";
import type { Expectations, ManagedExpectation } from "../verify/types.ts";
import { nodeExpectation } from "./node-expectation.ts";

const MIB = 1024 * 1024;

/** The runtime renews the heartbeat every 30 s; three in a row that failed are a dead worker. */
const HEARTBEAT_MAX_AGE_SECONDS = 90;

/**
 * What the release promises on one node, for the verifier: the same settings that the renderings are made of.
 * @param volumeId null on a node that keeps nothing
 */
export function expectations(config: Config, volumeId: string | null, here: Here = firstOf(config)): Expectations {
  const { app, api, worker, redis, postgres, proxy } = config;
  const managed = managedExpectation(config);
  const services = { redis, postgres, api, worker, proxy };
  const each = <T>(value: (service: { memoryMb: number; cpuShares: number }) => T): Record<string, T> =>
    onThisNode(Object.fromEntries(Object.entries(services).map(([name, service]) => [name, value(service)])));
  const onThisNode = <T>(values: Record<string, T>): Record<string, T> => Object.fromEntries(Object.entries(values).filter(([name]) => serves(here, name as Role)));
  const node = nodeExpectation(config, here);
  return {
    project: config.project,
    queues: app.queues,
    processes: {
      api: { listens: api.listens, processes: api.processes },
      worker: { listens: worker.listens, processes: worker.processes },
    },
    connectionCeiling: connectionCeiling(config),
    images: onThisNode({ redis: redis.image, postgres: postgres.image, api: app.image, worker: app.image, proxy: proxy.image }),
    cpuShares: each(({ cpuShares }) => cpuShares),
    memoryBytes: each(({ memoryMb }) => memoryMb * MIB),
    redis: {
      url: managed === null ? REDIS_URL : null,
      passwordFile: managed === null ? INSIDE.redisPassword : null,
      managed,
      maxmemoryBytes: managed === null ? redis.maxmemoryMb * MIB : 0,
      maxclients: managed === null ? redis.maxclients : managed.connections,
      appendfsync: redis.appendfsync,
      config: managed === null ? redisRunningConfig(config) : {},
    },
    postgres: {
      host: "postgres",
      port: POSTGRES_PORT,
      database: postgres.database,
      user: postgres.user,
      passwordFile: INSIDE.postgresPassword,
      maxConnections: postgres.maxConnections,
    },
    api: { url: apiUrl(config), readyPath: app.readyPath, canaryPath: app.canaryPath },
    heartbeat: app.heartbeatKey === null ? null : { key: app.heartbeatKey, maxAgeSeconds: HEARTBEAT_MAX_AGE_SECONDS },
    publishedPorts: publicPorts(config, here),
    hostTable: tableRules(nftTable(config, here)),
    volume: volumeId === null ? null : { id: volumeId, mount: MOUNT },
    kernel: kernelSettings(),
    domain: serves(here, "proxy") ? config.domain ?? null : null,
    settleSeconds: config.verify.settleSeconds,
    ...(node === undefined ? {} : { node }),
  };
}

function managedExpectation(config: Config): ManagedExpectation | null {
  if (!isManaged(config)) return null;
  const { connections = 0, persistence, caCertificate, serverName } = config.redis.managed;
  return { urlFile: INSIDE.redisUrl, caFile: caCertificate === undefined ? null : INSIDE.redisCa, serverName: serverName ?? null, connections, persistence };
}
