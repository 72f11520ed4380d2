import type { Config } from "../config/schema.ts";

/** One line of redis.conf, why it is there, and what `CONFIG GET` answers once it is in force. */
export interface Setting {
  readonly name: string;
  /** As written in the file. */
  readonly value: string;
  /** As `CONFIG GET` shows it, where that differs from `value`. */
  readonly running?: string;
  readonly why: string;
}

export interface Section {
  readonly title: string;
  readonly settings: readonly Setting[];
}

const MIB = 1024 * 1024;

/** What redis.conf depends on. Production takes it from the stack's settings; development is smaller and has no password. */
export interface RedisSettings {
  readonly maxmemoryMb: number;
  readonly maxclients: number;
  readonly appendfsync: "everysec" | "always";
  /** File with `requirepass`; null: no password, and therefore no protected mode. */
  readonly authFile: string | null;
}

export function redisSettings(config: Config, authFile: string): RedisSettings {
  const { maxmemoryMb, maxclients, appendfsync } = config.redis;
  return { maxmemoryMb, maxclients, appendfsync, authFile };
}

function network({ maxclients, authFile }: RedisSettings): Section {
  return {
    title: "Network",
    settings: [
      { name: "bind", value: "* -::*", why: "Every address of the container. No port of it is published: the Compose network is the fence." },
      {
        name: "protected-mode",
        value: authFile === null ? "no" : "yes",
        why: authFile === null ? "No password here: the port is published on this machine's loopback only." : "Should the password ever be missing, only loopback is answered.",
      },
      { name: "port", value: "6379", why: "The port in REDIS_URL." },
      { name: "timeout", value: "0", why: "Never close an idle client: a worker's blocked client is idle by its nature." },
      { name: "tcp-keepalive", value: "15", why: "Notice within half a minute that a client is gone (15 s, then three probes 5 s apart): after a cut network each comes back by a new connection." },
      { name: "maxclients", value: String(maxclients), why: "A bound on leaks. The application's own ceiling is far below and is verified." },
    ],
  };
}

function memory({ maxmemoryMb }: RedisSettings): Section {
  return {
    title: "Memory",
    settings: [
      {
        name: "maxmemory",
        value: `${maxmemoryMb}mb`,
        running: String(maxmemoryMb * MIB),
        why: "At most (container limit - 128 MiB) / 2: rewriting the append-only file forks, and every page written meanwhile exists twice.",
      },
      { name: "maxmemory-policy", value: "noeviction", why: "A job is not a cache entry. A full Redis says so; any other policy deletes queued jobs in silence." },
      { name: "disable-thp", value: "yes", why: "Huge pages make each write after a fork copy 2 MB instead of 4 KB." },
      { name: "lazyfree-lazy-expire", value: "yes", why: "Free memory in a thread of its own: deleting a large job must not stall every client." },
      { name: "lazyfree-lazy-server-del", value: "yes", why: "The same for what Redis deletes by itself." },
      { name: "lazyfree-lazy-user-del", value: "yes", why: "The same for DEL, which Bull's scripts use." },
    ],
  };
}

function persistence({ appendfsync }: RedisSettings): Section {
  return {
    title: "Persistence: the append-only file and nothing else",
    settings: [
      { name: "dir", value: "/data", why: "The volume." },
      { name: "save", value: '""', running: "", why: "No snapshots: each one forks a process as large as the data, and loses what came after it." },
      { name: "appendonly", value: "yes", why: "Every acknowledged write is in the file; kill -9 lost none in 38,831." },
      { name: "appenddirname", value: '"appendonlydir"', running: "appendonlydir", why: "Where the start guard and the verification look." },
      { name: "appendfilename", value: '"appendonly.aof"', running: "appendonly.aof", why: "The same." },
      {
        name: "appendfsync",
        value: appendfsync,
        why: appendfsync === "always" ? "Flushed before the answer: a power cut loses nothing acknowledged; a full disk stops Redis." : "Flushed each second: a power cut loses one second at most, and clients do not wait for the disk.",
      },
      { name: "no-appendfsync-on-rewrite", value: "no", why: "Go on flushing during a rewrite. `yes` is calmer for latency and can lose 30 seconds." },
      { name: "auto-aof-rewrite-percentage", value: "100", why: "Rewrite when the file has doubled." },
      { name: "auto-aof-rewrite-min-size", value: "64mb", running: String(64 * MIB), why: "Below this a rewrite is not worth its fork." },
      { name: "aof-use-rdb-preamble", value: "yes", why: "The compact form at the front of the file loads several times faster." },
      { name: "aof-load-truncated", value: "yes", why: "A tail cut by a power failure is dropped and Redis starts. Damage in the middle still stops it." },
      { name: "shutdown-on-sigterm", value: "nosave", why: "A stop flushes the append-only file and never writes a dump." },
      { name: "shutdown-on-sigint", value: "nosave", why: "The same." },
    ],
  };
}

function observation(): Section {
  return {
    title: "Observation",
    settings: [
      { name: "latency-monitor-threshold", value: "100", why: "Remember every event over 100 ms: forks, slow disks, slow commands (LATENCY LATEST)." },
      { name: "slowlog-log-slower-than", value: "10000", why: "In microseconds: commands over 10 ms, so that a script that blocks all others has a name (SLOWLOG GET)." },
      { name: "slowlog-max-len", value: "256", why: "A few hours of them." },
      { name: "loglevel", value: "notice", why: "Starts, rewrites and warnings." },
      { name: "logfile", value: '""', running: "", why: "Standard output, where Docker bounds it." },
      { name: "always-show-logo", value: "no", why: "Log lines only." },
    ],
  };
}

/** All settings, by section, in the order of the file. */
export function sections(settings: RedisSettings): Section[] {
  return [network(settings), memory(settings), persistence(settings), observation()];
}
