import { type ListedClient, redisClients } from "./observe.ts";
import { ManagedRedis } from "./provider/managed-redis.ts";
import type { Rehearsal } from "./rehearsal.ts";

/** Where the roles of a rehearsed deployment stand: the names that `--topology` takes. */
export const TOPOLOGIES = ["single", "split-worker", "split-redis", "split-api", "managed"] as const;
export type TopologyName = (typeof TOPOLOGIES)[number];

/** What a topology brings beside the servers, before the first release. */
export interface Scene {
  /** Settings of the stack that go with it, by dotted path below `berth:`; they stay for the whole rehearsal. */
  readonly changes: Readonly<Record<string, unknown>>;
  /** What it stood in for, lines for the summary; empty when nothing beyond the usual. */
  readonly stoodIn: readonly string[];
  /** The application's connections to Redis, asked past everything Berth says of them. */
  readonly clients: () => Promise<readonly ListedClient[]>;
}

/** The first node is `main` in each: it is the same server, whatever else stands on it. */
export const SPLIT_WORKER = { main: { roles: ["proxy", "api", "redis", "postgres"] }, worker: { roles: ["worker"] } };
export const SPLIT_REDIS = { main: { roles: ["proxy", "api", "worker", "postgres"] }, redis: { roles: ["redis"] } };
export const SPLIT_API = { main: { roles: ["proxy", "redis", "postgres", "worker"] }, api: { roles: ["api"], count: 2 } };

type Log = (line: string) => void;

interface Topology {
  /** Completes "--topology NAME: …" in the help. */
  readonly about: string;
  /** Everything it starts is in the rehearsal's ledger, and goes with it. */
  readonly set: (rehearsal: Rehearsal, log: Log) => Promise<Scene>;
}

const TABLE: Readonly<Record<TopologyName, Topology>> = {
  single: { about: "all on one server (default)", set: (rehearsal) => Promise.resolve({ changes: {}, stoodIn: [], clients: () => redisClients(rehearsal) }) },
  "split-worker": { about: "the worker on a node of its own", set: (rehearsal) => Promise.resolve({ changes: { nodes: SPLIT_WORKER }, stoodIn: [], clients: () => redisClients(rehearsal) }) },
  "split-redis": { about: "Redis on a node of its own", set: (rehearsal) => Promise.resolve({ changes: { nodes: SPLIT_REDIS }, stoodIn: [], clients: () => redisClients(rehearsal) }) },
  "split-api": { about: "the API on two nodes of its own, behind the proxy", set: (rehearsal) => Promise.resolve({ changes: { nodes: SPLIT_API }, stoodIn: [], clients: () => redisClients(rehearsal) }) },
  managed: { about: "no Redis of one's own but a provider's, by a rediss:// URL", set: setManaged },
};

async function setManaged(rehearsal: Rehearsal, log: Log): Promise<Scene> {
  const { docker, ledger, machines } = rehearsal;
  const redis = await ManagedRedis.start({ docker, ledger, network: machines.network });
  log("a managed Redis answers over TLS, and refuses CONFIG");
  return {
    changes: managedSettings(redis),
    stoodIn: [
      "The managed Redis's provider: a real Redis beside the server, TLS by an authority",
      "of its own on its only port, and a user who may not use CONFIG.",
    ],
    clients: () => redis.clients(rehearsal.address),
  };
}

/** Settings that lead a stack to a managed Redis, and take back those of its own. */
export function managedSettings({ url, authority }: Pick<ManagedRedis, "url" | "authority">): Readonly<Record<string, unknown>> {
  return {
    "redis.image": undefined,
    "redis.managed.connections": PLAN_CONNECTIONS,
    "redis.managed.caCertificate": authority,
    "secrets.redisPassword": undefined,
    "secrets.redisUrl": url,
  };
}

/** A small plan of those that providers sell. */
const PLAN_CONNECTIONS = 100;

/** @throws naming what `--topology` takes */
export function topologyNamed(text: string): TopologyName {
  const name = TOPOLOGIES.find((it) => it === text);
  if (name !== undefined) return name;
  throw new Error(`--topology: one of ${TOPOLOGIES.join(", ")} is required, found ${text}`);
}

/** Set the scene: bring up what stands beside the servers, and give the settings that go with it. */
export function setScene(name: TopologyName, rehearsal: Rehearsal, log: Log): Promise<Scene> {
  return TABLE[name].set(rehearsal, log);
}

/** Lines for the help: a name and what it is. */
export function topologyHelp(): string {
  return TOPOLOGIES.map((name) => `             ${name.padEnd(13)} ${TABLE[name].about}`).join("\n");
}
