import type { Config } from "../config/schema.ts";
import type { ComposeFile, Port } from "./model.ts";
import { healthcheck, limits, longRunning } from "./parts.ts";
import { INSIDE, POSTGRES_PORT, REDIS_PORT } from "./paths.ts";
import { toYaml } from "./yaml.ts";

/** Reachable from this machine and from nowhere else. */
function local(number: number): Port {
  return { target: number, published: String(number), protocol: "tcp", mode: "ingress", host_ip: "127.0.0.1" };
}

/** Memory for development; the settings that decide behaviour are production's. */
const MEMORY_MB = 256;
export const DEV_MAXMEMORY_MB = 64;
/** No secret: it guards nothing but a port on the loopback of a laptop. */
const DEV_PASSWORD = "development";

/**
 * Redis and Postgres of the production versions for an application that runs on the laptop itself. Same Redis settings
 * (append-only, no snapshots, noeviction), so that what fails in production fails here; no password.
 */
export function composeDev(config: Config): ComposeFile {
  const { user, database } = config.postgres;
  return {
    name: `${config.project}-dev`,
    services: {
      redis: {
        image: config.redis.image,
        command: ["redis-server", INSIDE.redisConf, "--save", ""],
        ports: [local(REDIS_PORT)],
        volumes: [
          { type: "bind", source: "../redis/dev.conf", target: INSIDE.redisConf, read_only: true, bind: { create_host_path: false } },
          { type: "volume", source: "redis", target: "/data" },
        ],
        healthcheck: healthcheck(["CMD-SHELL", "timeout 3 redis-cli ping | grep -qx PONG"], config.redis.loadSeconds),
        ...longRunning(10),
        ...limits({ memoryMb: MEMORY_MB, cpuShares: config.redis.cpuShares }),
      },
      postgres: {
        image: config.postgres.image,
        environment: { PGDATA: INSIDE.pgdata, POSTGRES_USER: user, POSTGRES_DB: database, POSTGRES_PASSWORD: DEV_PASSWORD },
        ports: [local(POSTGRES_PORT)],
        volumes: [{ type: "volume", source: "postgres", target: INSIDE.postgresVolume }],
        healthcheck: healthcheck(["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", user, "-d", database], 60),
        stop_signal: "SIGINT",
        ...longRunning(10),
        ...limits({ memoryMb: MEMORY_MB, cpuShares: config.postgres.cpuShares }),
      },
    },
    volumes: { redis: {}, postgres: {} },
  };
}

/** What the application's environment says in development. Host names as in production: outside a container the runtime makes them localhost. */
export function devUrls(config: Config, ports: { readonly redis: number; readonly postgres: number } = { redis: REDIS_PORT, postgres: POSTGRES_PORT }): Record<"REDIS_URL" | "DATABASE_URL", string> {
  const { user, database } = config.postgres;
  return { REDIS_URL: `redis://redis:${ports.redis}`, DATABASE_URL: `postgres://${user}:${DEV_PASSWORD}@postgres:${ports.postgres}/${database}` };
}

export function composeDevText(config: Config): string {
  return toYaml(composeDev(config), {
    header: [
      "Rendered by Berth (src/compose/dev.ts): Redis and Postgres for an application that runs on this machine. `npm run dev` starts",
      "them with the application; by hand, and for an application of your own:",
      "  docker compose -f compose/dev.yaml up --wait",
      ...Object.entries(devUrls(config)).map(([name, value]) => `  ${name}=${value}`),
      "The runtime makes the host names localhost outside a container.",
    ].join("\n"),
  });
}
