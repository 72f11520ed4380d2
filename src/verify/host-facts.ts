import type { Fact } from "./fact.ts";

/** What the host's script says (docs/architecture.md, "The facts stream"), parsed. Each section is known or says why not. */

export interface Mount {
  readonly source: string;
  readonly destination: string;
  readonly writable: boolean;
}

export interface Container {
  readonly id: string;
  readonly name: string;
  /** Compose service; empty when it is of none. */
  readonly service: string;
  /** Started by `compose run`: a migration, a verifier. */
  readonly oneOff: boolean;
  /** Docker's word: created, running, restarting, exited … */
  readonly status: string;
  /** `undefined` when the container has no health check. */
  readonly health: string | undefined;
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  readonly restarts: number | undefined;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly imageId: string;
  readonly imageReference: string;
  /** Of the service's configuration, by Compose; undefined when Compose did not start it. */
  readonly configHash: string | undefined;
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly memoryBytes: number | undefined;
  readonly memorySwapBytes: number | undefined;
  readonly cpuShares: number | undefined;
  /** Whether its CPU time is bounded, by `docker update --cpus` for one. */
  readonly cpuQuota: boolean;
  readonly mounts: readonly Mount[];
}

export interface Image {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

/** A port of a container that is published on the host. */
export interface PublishedPort {
  readonly container: string;
  readonly host: string;
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

export interface Listener {
  readonly protocol: "tcp" | "udp";
  readonly host: string;
  readonly port: number;
  /** Name of the program as the kernel has it, at most 15 characters; empty when it is not shown. */
  readonly program: string;
}

export interface Baseline {
  readonly restarts: ReadonlyMap<string, number>;
  readonly oom: ReadonlyMap<string, number>;
  readonly redis: { readonly runId: string; readonly evicted: number | undefined; readonly rejected: number | undefined } | undefined;
}

export interface MountPoint {
  readonly path: string;
  readonly source: string;
  readonly type: string;
}

export interface Volume {
  readonly device: string;
  readonly id: string;
  readonly sentinel: string;
  readonly mountpoint: string;
  /** Size of the device. */
  readonly deviceBytes: number | undefined;
}

export interface Disk {
  readonly target: string;
  readonly sizeBytes: number;
  readonly availableBytes: number;
}

export interface ControlGroup {
  readonly oomKills: number | undefined;
  /** cgroup v1. */
  readonly cpuShares: number | undefined;
  /** cgroup v2. */
  readonly cpuWeight: number | undefined;
}

/** When a certificate is valid, in milliseconds since 1970. */
export interface Validity {
  /** NaN where the host does not say it: its scripts may be older than this verifier. */
  readonly starts: number;
  readonly ends: number;
}

export interface HostFacts {
  readonly release: Fact<string>;
  readonly baseline: Fact<Baseline>;
  readonly containers: Fact<readonly Container[]>;
  /** Service -> hash of its configuration in the release's compose.yaml. */
  readonly composeHashes: Fact<ReadonlyMap<string, string>>;
  readonly images: Fact<readonly Image[]>;
  readonly published: Fact<readonly PublishedPort[]>;
  readonly listeners: Fact<readonly Listener[]>;
  readonly sysctl: Fact<ReadonlyMap<string, string>>;
  /** The word in brackets: always, madvise or never. */
  readonly hugepages: Fact<string>;
  readonly redisStatus: Fact<ReadonlyMap<string, string>>;
  /** Bytes. */
  readonly memory: Fact<{ readonly total: number; readonly available: number }>;
  readonly mounts: Fact<readonly MountPoint[]>;
  readonly volume: Fact<Volume>;
  readonly disks: Fact<readonly Disk[]>;
  /** Bytes. */
  readonly aof: Fact<number>;
  readonly controlGroups: Fact<ReadonlyMap<string, ControlGroup>>;
  /** Of the served certificate, null when none is served; not known without a domain. */
  readonly certificate: Fact<Validity | null>;
  readonly dockerUser: Fact<readonly string[]>;
  readonly hostTable: Fact<string>;
  readonly drift: Fact<readonly string[]>;
  /** Local port -> container id, of connections to a Redis on another node. */
  readonly sockets: Fact<ReadonlyMap<number, string>>;
}
