import type { Client } from "../redis/clients.ts";
import type { Info } from "../redis/info.ts";
import type { Fact } from "./fact.ts";
import type { HostFacts } from "./host-facts.ts";
import type { QueueSeen } from "./queue-watch.ts";

/** What the gatherer saw from where the application stands. */
export interface Seen {
  /** ISO 8601, UTC: when the facts were complete. */
  readonly at: string;
  readonly redis: {
    /** Milliseconds until the application's own `waitForRedisReady` resolved. */
    readonly ready: Fact<number>;
    readonly info: Fact<Info>;
    /** CONFIG GET: parameter -> value. */
    readonly config: Fact<ReadonlyMap<string, string>>;
    /** The last CLIENT LIST, without the verifier's own connections. */
    readonly clients: Fact<readonly Client[]>;
    /** Address that this server has for Redis, as CLIENT LIST shows the verifier's own connection; undefined where it shows none. */
    readonly ownHost: string | undefined;
    /** Queue -> what the looks at it, one at each poll of the connections, say. */
    readonly queues: Fact<ReadonlyMap<string, QueueSeen>>;
    /** Milliseconds left to the heartbeat; -1 without an expiry, -2 without the key (Redis's PTTL). */
    readonly heartbeatTtlMs: Fact<number>;
  };
  /** Address -> container name, by reverse look-up, of connections that are none of the project's containers'. */
  readonly names: ReadonlyMap<string, string>;
  readonly postgres: Fact<{ readonly ms: number; readonly connections: number; readonly maxConnections: number; readonly dataDirectory: string | undefined }>;
  readonly api: {
    readonly ready: Fact<{ readonly status: number; readonly ms: number; readonly body: string }>;
    /** `waiting`: it did not come back, and nobody had taken it. */
    readonly canary: Fact<ReadonlyMap<string, { readonly ok: boolean; readonly detail: string; readonly waiting?: true }>>;
  };
  /** Ports of other nodes that this one must not reach, and whether it did. */
  readonly refused: Fact<readonly { readonly what: string; readonly connected: boolean; readonly detail: string }[]>;
  /** Whether the metadata service let a container connect. */
  readonly metadata: Fact<{ readonly connected: boolean; readonly detail: string }>;
}

/** Everything a check may look at. */
export interface Facts {
  readonly seen: Seen;
  readonly host: HostFacts;
}
