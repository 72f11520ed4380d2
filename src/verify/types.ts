/** `unknown` is for what cannot be seen; it never passes where data, exposure or persistence is concerned. */
export type Status = "pass" | "fail" | "unknown";

/** Who brought a failure about. A release's failure is rolled back; a host's is said loudly and left. */
export type Cause = "release" | "host";

/** The verdict on one thing, complete enough to act on without opening the code. */
export interface Check {
  /** Dotted, stable: `redis.ready`, `connections.total`, `host.volume`. */
  readonly id: string;
  readonly status: Status;
  readonly cause: Cause;
  readonly seen: string;
  readonly expected: string;
  /** What to do next; empty when it passes. */
  readonly advice: string;
  /** Only with `fail`: it was so before the release began, and is the host's for that. */
  readonly standing?: true;
  /** Only with `pass`: it passes, and somebody should look before it no longer does. */
  readonly warning?: string;
  /** Only with `unknown`: the provider of a managed Redis keeps this to itself. It passes, and is counted apart. */
  readonly providerManaged?: true;
}

/** A Redis that a provider runs, and what is asked of what it shows. */
export interface ManagedExpectation {
  /** File with its URL, which holds the password. */
  readonly urlFile: string;
  /** File with the certificate of its authority; null: one that Node.js trusts. */
  readonly caFile: string | null;
  /** Name its certificate is for; null: the URL's host. */
  readonly serverName: string | null;
  /** Connections its plan allows. */
  readonly connections: number;
  readonly persistence: "aof" | "snapshots" | "none";
}

export interface ProcessExpectation {
  readonly listens: boolean;
  readonly processes: boolean;
}

/** A process whose connections to Redis are judged. */
export interface Instance {
  /** As the report names it: the process, and the node where that is another one. */
  readonly holder: string;
  readonly process: "api" | "worker";
  /** Private address of its node; null for one that Redis sees by its container's address. */
  readonly address: string | null;
}

/** Where a service is for this node. */
export type Whereabouts = "here" | "elsewhere" | "not used";

/** Another node: its name, and its address on the private network. */
export interface Place {
  readonly node: string;
  readonly address: string;
}

/** A node among several: what of the whole is judged there. */
export interface NodeExpectation {
  readonly name: string;
  /** On the private network. */
  readonly address: string;
  readonly redis: Whereabouts;
  readonly postgres: Whereabouts;
  readonly api: Whereabouts;
  /** Of what is elsewhere: which node has it, and that one's private address. */
  readonly at: Readonly<Partial<Record<"redis" | "postgres", Place>>>;
  /** Released last: the heartbeat and the sum of the connections are judged here. */
  readonly last: boolean;
  /** All workers are there by then, and an API is: a canary goes through each queue from here. */
  readonly canary: boolean;
  /** Processes whose connections are judged here: this node's own, and on the last node all. */
  readonly instances: readonly Instance[];
  /** Processes that are not judged here, and that Redis here knows by their address. */
  readonly others: readonly Instance[];
  /** Published on `address`, for other nodes. */
  readonly privatePorts: readonly number[];
  /** Ports of other nodes that this one must not reach. */
  readonly refused: readonly { readonly what: string; readonly node: string; readonly address: string; readonly port: number }[];
}

/** What the release promises; rendered from the config into expect.json beside it, and judged against the facts. */
export interface Expectations {
  readonly project: string;
  readonly queues: readonly string[];
  readonly processes: Readonly<Record<"api" | "worker", ProcessExpectation>>;
  readonly connectionCeiling: number;
  /** Service name -> image reference of the release. */
  readonly images: Readonly<Record<string, string>>;
  /** Service name -> CPU shares as rendered. */
  readonly cpuShares: Readonly<Record<string, number>>;
  /** Service name -> memory limit in bytes. */
  readonly memoryBytes: Readonly<Record<string, number>>;
  readonly redis: {
    /** Null where it is a managed one's, which is in a file. */
    readonly url: string | null;
    readonly passwordFile: string | null;
    /** Null for Berth's own; with it, the four below say nothing. */
    readonly managed: ManagedExpectation | null;
    readonly maxmemoryBytes: number;
    readonly maxclients: number;
    readonly appendfsync: "everysec" | "always";
    /** Parameter -> value, as `CONFIG GET` shows it. */
    readonly config: Readonly<Record<string, string>>;
  };
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly user: string;
    readonly passwordFile: string;
    readonly maxConnections: number;
  };
  readonly api: { readonly url: string; readonly readyPath: string; readonly canaryPath: string | null };
  readonly heartbeat: { readonly key: string; readonly maxAgeSeconds: number } | null;
  readonly publishedPorts: readonly number[];
  /** The rules of the host's own table, in order, as `tableRules` reads them. */
  readonly hostTable: readonly string[];
  /** Null on a node that keeps nothing. */
  readonly volume: { readonly id: string; readonly mount: string } | null;
  /** Kernel setting -> value, as the release lays them down. */
  readonly kernel: Readonly<Record<string, string>>;
  /** Name that the proxy has a certificate for. */
  readonly domain: string | null;
  readonly settleSeconds: number;
  /** Absent on a stack of one node: then everything is judged there. */
  readonly node?: NodeExpectation;
}

/** One connection to Redis as the verifier attributed it. */
export interface Connection {
  readonly id: string;
  readonly address: string;
  readonly name: string;
  readonly kind: "client" | "subscriber" | "blocked" | "other";
  /** Service that holds it, or the foreign container's name, or `unknown`. */
  readonly holder: string;
  /** Name of the container, where it is known. */
  readonly container?: string;
  readonly ageSeconds: number;
  readonly lastCommand: string;
}

export interface Report {
  readonly version: 1;
  readonly release: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly verdict: "pass" | "fail";
  /** The cause that decides a rollback: `release` when any failure is a release's. Null when it passes. */
  readonly cause: Cause | null;
  readonly settleMs: number;
  readonly totalMs: number;
  readonly connections: readonly Connection[];
  readonly checks: readonly Check[];
}
