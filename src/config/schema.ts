import { z } from "zod";
import { Secret } from "./secret.ts";

/**
 * The shape of every key under `berth:`. Types come from here by inference and from nowhere else. What one key means
 * alone is judged here; what keys mean together (budgets, sizes, pins) is judged in `faults.ts`.
 */

const secret = z.string().min(1).transform((value) => new Secret(value));
const mebibytes = z.int().min(16).max(1_048_576);
const cpuShares = z.int().min(2).max(262_144);
const seconds = z.int().min(1).max(3_600);
const uid = z.int().min(1).max(65_534);
/** What Docker accepts as an environment variable name, and a POSIX shell can hold. */
const envName = z.string().regex(/^[A-Z_][A-Z0-9_]*$/, "required: capital letters, digits and _ (an environment variable)");
/** Names become file names, container names and Hetzner labels. */
const slug = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, "required: a lower-case letter, then up to 30 of a-z 0-9 -");
const command = z.array(z.string().min(1)).min(1);
const image = z.string().min(1).max(512);

export const processSchema = z.strictObject({
  command,
  memoryMb: mebibytes,
  cpuShares,
  /** Listens to Bull's global events: one subscriber connection per queue. */
  listens: z.boolean(),
  /** Processes the queues: client, subscriber and blocked client per queue. */
  processes: z.boolean(),
  /** How long active jobs may take to finish at a stop, in seconds. */
  stopGraceSeconds: seconds,
});

export const configSchema = z.strictObject({
  project: slug.default("berth"),
  server: z.strictObject({
    type: z.string().min(1),
    location: z.string().min(1).default("nbg1"),
    image: z.string().min(1).default("debian-13"),
    ipv6: z.boolean().default(true),
  }),
  volume: z
    .strictObject({
      sizeGb: z.int().min(10).max(10_240).default(20),
      /** Adopt this existing volume, by Hetzner's id, instead of creating one. */
      id: z.int().positive().optional(),
      /** Let `pulumi destroy` delete the data too. */
      deleteOnDestroy: z.boolean().default(false),
    })
    .prefault({}),
  ssh: z
    .strictObject({
      /** CIDR ranges that may reach port 22. */
      sources: z.array(z.union([z.cidrv4(), z.cidrv6()])).default([]),
      /** Says in so many words that port 22 is open to the world. */
      openToWorld: z.boolean().default(false),
    })
    .prefault({}),
  /** Name the application is served under, with automatic HTTPS. Without it: plain HTTP on port 80. */
  domain: z.hostname().optional(),
  acme: z
    .strictObject({ email: z.email().optional(), staging: z.boolean().default(false) })
    .prefault({}),
  registry: z.strictObject({ server: z.string().min(1), username: z.string().min(1) }).optional(),
  app: z.strictObject({
    image,
    uid: uid.default(1000),
    port: z.int().min(1).max(65_535).default(3000),
    queues: z.array(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)).min(1).max(64),
    env: z.record(envName, z.string()).default({}),
    /** Run once per release, before the new processes start. Empty: nothing to migrate. */
    migrate: z.array(z.string().min(1)).default([]),
    readyPath: z.string().startsWith("/").default("/readyz"),
    healthPath: z.string().startsWith("/").default("/healthz"),
    /** `POST` here sends a canary job through each queue and answers when all came back; null when the application has none. */
    canaryPath: z.string().startsWith("/").nullable().default("/ops/canary"),
    /** Redis key that the worker renews; null when the application has none. */
    heartbeatKey: z.string().min(1).nullable().default("berth:heartbeat:worker"),
    /** Deadline of the application's own wait for Redis at its start; must cover AOF loading. */
    startupSeconds: seconds.default(180),
  }),
  api: processSchema
    .partial()
    .prefault({})
    .transform((given) => ({
      command: ["node", "api.js"], memoryMb: 384, cpuShares: 1024, listens: true, processes: false, stopGraceSeconds: 30, ...given,
    })),
  worker: processSchema
    .partial()
    .prefault({})
    .transform((given) => ({
      command: ["node", "worker.js"], memoryMb: 512, cpuShares: 128, listens: false, processes: true, stopGraceSeconds: 60, ...given,
    })),
  redis: z
    .strictObject({
      image: image.default("redis:8.0.5"),
      uid: uid.default(999),
      memoryMb: mebibytes.default(512),
      maxmemoryMb: mebibytes.default(192),
      maxclients: z.int().min(32).max(100_000).default(1000),
      /** The most connections the application may hold, over all processes. Default: three a queue a process. */
      connectionCeiling: z.int().min(1).optional(),
      appendfsync: z.enum(["everysec", "always"]).default("everysec"),
      cpuShares: cpuShares.default(4096),
      /** The longest an AOF may take to load: the health check's start period. */
      loadSeconds: seconds.default(120),
    })
    .prefault({}),
  postgres: z
    .strictObject({
      image: image.default("postgres:17.6"),
      uid: uid.default(999),
      memoryMb: mebibytes.default(512),
      cpuShares: cpuShares.default(2048),
      database: z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/).default("app"),
      user: z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/).default("app"),
      maxConnections: z.int().min(10).max(10_000).default(50),
    })
    .prefault({}),
  proxy: z
    .strictObject({ image: image.default("caddy:2.10.2"), uid: uid.default(1000), memoryMb: mebibytes.default(128), cpuShares: cpuShares.default(1024) })
    .prefault({}),
  host: z
    .strictObject({
      /** Memory of the server that no container may be promised: kernel, sshd, Docker, page cache. */
      reserveMb: mebibytes.default(512),
      /** Install security updates by themselves; Docker is held back and kept alive. */
      unattendedUpgrades: z.boolean().default(true),
    })
    .prefault({}),
  verify: z
    .strictObject({
      /** How long connections may take to settle before a surplus fails. */
      settleSeconds: seconds.default(45),
      /** Image that runs the verifier (needs `node` >= 20); default: the application's. */
      image: image.optional(),
    })
    .prefault({}),
  secrets: z.strictObject({
    redisPassword: secret,
    postgresPassword: secret,
    /** OpenSSH private key the deployment signs in with. */
    deployKey: secret,
    /** OpenSSH private host key the server is given at its first boot, and pinned to. */
    hostKey: secret,
    registryPassword: secret.optional(),
    /** The application's own: NAME becomes the file `/run/secrets/NAME`, named to it by `NAME_FILE`. */
    app: z.record(envName, secret).default({}),
  }),
});

/** Validated, defaulted configuration of one stack. */
export type Config = z.infer<typeof configSchema>;
/** What a user may write under `berth:`. */
export type ConfigInput = z.input<typeof configSchema>;
export type ProcessConfig = z.infer<typeof processSchema>;
