/** What a diagnosis comes to. */

/** `critical`: work stands still, or every request feels it. `warning`: it will, or it makes something else worse. */
export type Level = "critical" | "warning";

/** A key of the stack's config below `berth:`, and what to set it to. */
export interface Change {
  readonly key: string;
  /** Undefined where it depends on what the person wants. */
  readonly to: string | undefined;
  /** What to choose there, in words. */
  readonly hint?: string;
}

/** One likely cause. */
export interface Finding {
  /** Dotted, stable: `disk.full`, `worker.hung`. */
  readonly id: CauseId;
  readonly level: Level;
  /** One line. */
  readonly what: string;
  /** Figures, each a sentence or less. */
  readonly evidence: readonly string[];
  /** What to do next, in words. */
  readonly next: string;
  readonly changes: readonly Change[];
  /** Ids of findings of this diagnosis that bring this one about: mend those first. */
  readonly followsFrom: readonly CauseId[];
}

/** What a rule says; the rest is the ranking's. */
export type Cause = Omit<Finding, "followsFrom" | "changes"> & { readonly changes?: readonly Change[] };

/** Every cause, the likelier to be behind others first: the order among findings of one level. Which bring others about is said in ranking.ts. */
export const CAUSES = [
  "host.docker", "disk.volume", "disk.foreign", "disk.full", "disk.inodes", "disk.low", "redis.loading", "redis.down", "redis.silent", "redis.memory", "memory.oom",
  "memory.container", "memory.host", "swap.redis", "swap.host", "redis.slow-command", "cpu.busy", "cpu.steal", "worker.down", "worker.hung", "queue.paused",
  "connections.surplus", "connections.foreign", "connections.maxclients", "redis.aof", "redis.save", "redis.policy", "redis.changed", "kernel.hugepages", "kernel.overcommit",
  "redis.aof-status", "redis.fsync", "redis.fork", "queue.backlog", "containers.restarts", "containers.unhealthy", "redis.latency",
] as const;
export type CauseId = (typeof CAUSES)[number];

/** One line of what was seen, whether or not anything is amiss with it. */
export interface Line {
  readonly label: string;
  readonly text: string;
  /** False: `text` says why it is not known. */
  readonly known: boolean;
}

/** One row of `docker stats`. */
export interface StatsRow {
  readonly name: string;
  readonly cpu: string;
  readonly memory: string;
  readonly memoryPercent: string;
  readonly blockIo: string;
}

export interface Diagnosis {
  readonly version: 1;
  readonly release: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The likeliest first. Empty: nothing is amiss. */
  readonly findings: readonly Finding[];
  readonly seen: readonly Line[];
  readonly stats: readonly StatsRow[];
}
