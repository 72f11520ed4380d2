import type { Client } from "../redis/clients.ts";
import type { Info } from "../redis/info.ts";
import type { Fact } from "../verify/fact.ts";
import type { HostFacts } from "../verify/host-facts.ts";
import type { Expectations } from "../verify/types.ts";

/** What a diagnosis judges: the verifier's facts of the host, and a few seconds of watching it and Redis. Any of them may be missing. */

/** A process that was there at both ends of the watch. */
export interface Process {
  readonly pid: number;
  readonly name: string;
  /** The kernel's letter: R, S, D, T (stopped), Z … */
  readonly state: string;
  /** Of one core, 0 to the number of cores. */
  readonly cpu: number;
  /** What it would have taken, had every thread of it got a core at once: what it had, and what it waited for. */
  readonly demand: number;
  /** Id of the container it is in; undefined: of the host itself. */
  readonly container: string | undefined;
}

export interface Watch {
  readonly seconds: number;
  readonly cores: number;
  /** Share of all cores that was busy, 0 to 1, steal included. */
  readonly busy: number;
  readonly steal: number;
  readonly ioWait: number;
  readonly processes: readonly Process[];
  /** Of Redis's main thread, in milliseconds: how long it waited for a core each time that it had something to do. */
  readonly redisWaitMs: number | undefined;
  /** Pages swapped in and out meanwhile. */
  readonly swappedPages: number | undefined;
}

export interface Swap {
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly processes: readonly { readonly pid: number; readonly name: string; readonly bytes: number }[];
}

export interface FileSystem {
  readonly target: string;
  readonly sizeBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly freeInodes: number;
  /** Bytes that became scarcer while it was watched, per second; negative: freed. */
  readonly lossPerSecond: number | undefined;
}

/** A container that is none of the stack's. */
export interface Other {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly running: boolean;
  /** What it wrote into its own layer; undefined when that took too long to count. */
  readonly writtenBytes: number | undefined;
  /** Paths of the host that it may write to. */
  readonly writes: readonly string[];
}

export interface ContainerStats {
  readonly id: string;
  readonly name: string;
  /** As `docker stats` prints them. */
  readonly cpu: string;
  readonly memory: string;
  readonly memoryPercent: string;
  readonly blockIo: string;
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export interface SlowEntry {
  /** Seconds since the epoch, by Redis's clock. */
  readonly at: number;
  readonly ms: number;
  /** In capitals, such as KEYS. */
  readonly command: string;
  /** The first word behind it: a key or a pattern, never a value. */
  readonly subject: string;
}

export interface LatencyEvent {
  readonly name: string;
  readonly at: number;
  readonly lastMs: number;
  readonly worstMs: number;
}

export interface ActiveJob {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly begun: number | undefined;
  /** Milliseconds left to its lock; undefined when it has none. */
  readonly lockMs: number | undefined;
}

export interface Queue {
  readonly name: string;
  readonly paused: boolean;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly completed: number;
  /** How long the job waits that waits longest, of those that were never begun, in seconds. */
  readonly oldestSeconds: number | undefined;
  readonly jobs: readonly ActiveJob[];
}

/** Redis's answers at one moment. */
export interface RedisMoment {
  readonly info: Fact<Info>;
  readonly clients: Fact<readonly Client[]>;
  readonly config: Fact<ReadonlyMap<string, string>>;
  readonly slowlog: Fact<readonly SlowEntry[]>;
  readonly events: Fact<readonly LatencyEvent[]>;
  /** Seconds since the epoch. */
  readonly time: Fact<number>;
  readonly heartbeatTtlMs: Fact<number>;
  readonly queues: Fact<readonly Queue[]>;
}

export interface DoctorFacts {
  /** ISO 8601, UTC: the end of the watch. */
  readonly at: string;
  readonly release: string;
  /** Why Docker does not answer; undefined when it does. */
  readonly dockerSilent: string | undefined;
  readonly host: HostFacts;
  readonly expectations: Fact<Expectations>;
  readonly load: Fact<Watch>;
  readonly pressure: Fact<ReadonlyMap<string, number>>;
  readonly swap: Fact<Swap>;
  readonly fileSystems: Fact<readonly FileSystem[]>;
  /** What takes the space of a file system that has little. */
  readonly largest: Fact<readonly { readonly path: string; readonly bytes: number }[]>;
  readonly stats: Fact<readonly ContainerStats[]>;
  readonly others: Fact<readonly Other[]>;
  /** `redis-cli --latency`, in milliseconds. */
  readonly ping: Fact<{ readonly min: number; readonly max: number; readonly average: number; readonly samples: number }>;
  /** `redis-cli --intrinsic-latency`: the longest that a program in Redis's container was kept from running, in milliseconds. */
  readonly intrinsicMs: Fact<number>;
  readonly before: RedisMoment;
  readonly redis: RedisMoment;
}
