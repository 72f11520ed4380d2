import { type Here, firstOf } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { publishedPrivately } from "./between.ts";
import type { Service } from "./model.ts";
import { HARDENED, healthcheck, limits, longRunning, mount, readOnly, scratch, user } from "./parts.ts";
import { DATA, INSIDE, type Sources } from "./paths.ts";

/** A fast shutdown rolls open transactions back and writes a checkpoint. */
export const POSTGRES_GRACE_SECONDS = 60;
/** initdb on the first start, or recovery of the write-ahead log after a crash. */
export const POSTGRES_START_SECONDS = 120;
/** Docker's default of 64 MB is too little for one parallel query; a quarter of the memory is what Postgres may share. */
const MINIMUM_SHM_MB = 64;

/** Server settings on the command line, where `docker inspect` and a diff show them. None is secret. */
function settings(config: Config): string[] {
  const { memoryMb, maxConnections } = config.postgres;
  const values: Record<string, string> = {
    listen_addresses: "*",
    max_connections: String(maxConnections),
    // The manual's starting points: a quarter of the memory for shared buffers, half as the guess at what is cached.
    shared_buffers: `${Math.floor(memoryMb / 4)}MB`,
    effective_cache_size: `${Math.floor(memoryMb / 2)}MB`,
    password_encryption: "scram-sha-256",
    // A client that vanished without a goodbye gives its connection back within two minutes.
    tcp_keepalives_idle: "60",
    tcp_keepalives_interval: "15",
    tcp_keepalives_count: "4",
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

export function postgres(config: Config, sources: Sources, here: Here = firstOf(config)): Service {
  const { image, uid, memoryMb, cpuShares, database, user: role } = config.postgres;
  return {
    image,
    command: ["postgres", ...settings(config)],
    user: user(uid),
    environment: {
      PGDATA: INSIDE.pgdata,
      POSTGRES_USER: role,
      POSTGRES_DB: database,
      POSTGRES_PASSWORD_FILE: INSIDE.postgresPassword,
      // Read at initdb only, like the password: checksums cannot be had later without a stop.
      POSTGRES_INITDB_ARGS: "--auth-host=scram-sha-256 --data-checksums",
    },
    networks: ["backend"],
    ...publishedPrivately(here, config, "postgres"),
    volumes: [readOnly(sources.postgresPassword, INSIDE.postgresPassword), mount(DATA.postgres, INSIDE.postgresVolume)],
    // The socket's directory, owned by the server; and scratch for initdb.
    tmpfs: [`/var/run/postgresql:uid=${uid},gid=${uid},mode=0755,size=1m`, scratch(memoryMb)],
    // Over TCP: while initdb runs its set-up scripts a server already answers on the socket.
    healthcheck: healthcheck(["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", role, "-d", database], POSTGRES_START_SECONDS),
    // SIGTERM waits for every client to leave; SIGINT is the fast shutdown.
    stop_signal: "SIGINT",
    shm_size: `${Math.max(MINIMUM_SHM_MB, Math.floor(memoryMb / 4))}m`,
    ...longRunning(POSTGRES_GRACE_SECONDS),
    ...limits({ memoryMb, cpuShares }),
    ...HARDENED,
  };
}
