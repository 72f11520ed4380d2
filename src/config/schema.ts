import * as z from "zod";
import { ROLES } from "./roles.ts";
import { Secret } from "./secret.ts";

/**
 * The shape of every key under `berth:`. Types come from here by inference and from nowhere else. What one key means
 * alone is judged here; what keys mean together (budgets, sizes, pins) is judged in `rules.ts`.
 *
 * Messages given here complete the sentence "required …". Descriptions become Pulumi.yaml and docs/configuration.md.
 */

/** Text that a secret file can hold: no control character but tab and newline. */
const secret = z
  .string()
  .regex(/\S/, "a value that is not blank")
  .regex(/^(?:\P{Cc}|[\t\n])*$/u, "text without control characters, carriage returns included")
  .transform((value) => new Secret(value));
/** Passwords go into redis.conf and SQL between quotes: printable ASCII, no space, quote or backslash. */
const password = z
  .string("a password of printable ASCII")
  .regex(/\S/, "a value that is not blank")
  .regex(/^[!#-&(-[\]-~]*$/, "printable ASCII without spaces, quotes and backslashes")
  .max(512, "at most 512 characters")
  .transform((value) => new Secret(value));
/** OpenSSH refuses a key file without its last newline, and `pulumi config set` strips it. */
const privateKey = z
  .string("an ed25519 private key in OpenSSH's format")
  .regex(/\S/, "a value that is not blank")
  .transform((value) => new Secret(`${value.trim().replaceAll("\r\n", "\n")}\n`));
const oneLine = /^\P{Cc}*$/u;
const mebibytes = z.int().min(16).max(1_048_576);
const cpuShares = z.int().min(2).max(262_144);
const seconds = z.int().min(1).max(3_600);
/** Default of `app.migrateSeconds`. */
export const MIGRATE_SECONDS = 900;
const uid = z.int().min(1).max(65_534);
/** What Docker accepts as an environment variable name, and a POSIX shell can hold. */
const envName = z.string().regex(/^[A-Z_][A-Z0-9_]{0,127}$/, "a name of capital letters, digits and _ (an environment variable)");
/** YAML reads `5` and `true` as no text; an environment holds text only. */
const envValueText = "one line of text (several lines belong in secrets.app, which become files)";
const envValue = z.union([z.string().regex(oneLine, envValueText), z.number(), z.boolean()], { error: envValueText }).transform(String);
/** Names become file names, container names and Hetzner labels. */
const slug = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, "a lower-case letter, then up to 30 of a-z 0-9 -");
const word = z.string().min(1).max(4096).regex(oneLine, "text without control characters");
const command = z.array(word).min(1);
const image = z.string("an image reference such as ghcr.io/example/app:1.4.2").min(1).max(512);
const path = z.string().regex(/^\/[A-Za-z0-9._~/-]{0,255}$/, "a path such as /readyz, of letters, digits and . _ ~ / -");
const hetznerName = z
  .string("a Hetzner name, such as cx33 for a server type")
  .regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, "a Hetzner name of a-z 0-9 . -");
const identifier = z
  .string()
  .regex(/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/, "a lower-case letter or _, then up to 62 of a-z 0-9 _, and not pg_ at its start");

export const processSchema = z.strictObject({
  command,
  memoryMb: mebibytes,
  cpuShares,
  listens: z.boolean(),
  processes: z.boolean(),
  stopGraceSeconds: seconds,
});

/** Validated settings of one kind of process: the API or the worker. */
export type ProcessConfig = z.infer<typeof processSchema>;

/** The keys of one process, each with its own default. */
function processWith(defaults: ProcessConfig) {
  const { shape } = processSchema;
  return z
    .strictObject({
      command: shape.command.default(defaults.command).describe("Command the container runs, in the application's image."),
      memoryMb: shape.memoryMb.default(defaults.memoryMb).describe("Memory limit, in MiB."),
      cpuShares: shape.cpuShares.default(defaults.cpuShares).describe("CPU weight against the other containers (Docker's default is 1024)."),
      listens: shape.listens.default(defaults.listens).describe("Listens to Bull's global events: one subscriber connection a queue."),
      processes: shape.processes.default(defaults.processes).describe("Processes the queues: client, subscriber and blocked client a queue."),
      stopGraceSeconds: shape.stopGraceSeconds.default(defaults.stopGraceSeconds).describe("How long active work may take to finish at a stop, in seconds."),
    })
    .prefault({});
}

/** One entry of `nodes`: one server, or several alike. */
export const nodeSchema = z.strictObject({
  roles: z.array(z.enum(ROLES)).min(1, "at least one role"),
  serverType: hetznerName.optional(),
  count: z.int().min(1).max(100).default(1),
  volumeSizeGb: z.int().min(10).max(10_240).optional(),
  volumeId: z.int().positive().optional(),
});

export const configSchema = z.strictObject({
  project: slug.default("berth").describe("Name of the Compose project and of everything at Hetzner. Never change it on a living stack."),
  server: z.strictObject({
    type: hetznerName.describe("Hetzner server type, such as cx33. Its memory must hold every limit below."),
    location: hetznerName.default("nbg1").describe("Hetzner location."),
    image: hetznerName.default("debian-13").describe("Operating system image, by name. A living server is not rebuilt for a new one."),
    ipv6: z.boolean().default(true).describe("Give the server an IPv6 address too."),
  }),
  nodes: z
    .record(slug, nodeSchema)
    .default({})
    .describe("Servers by name, each with the `roles` that stand on it (proxy, api, worker, redis, postgres) and, where they differ, `serverType`, `count`, `volumeSizeGb`, `volumeId`. Empty: all on one server. See docs/nodes.md."),
  network: z
    .strictObject({
      range: z
        .string()
        .regex(/^10\.(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\.(?:0\.0\/16|(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\.0\/24)$/, "a range within 10.0.0.0/8, such as 10.83.0.0/16 or 10.83.4.0/24")
        .default("10.83.0.0/16")
        .describe("Addresses of the private network between several nodes: a /16 or /24 within 10.0.0.0/8. Never change it on a living stack."),
    })
    .prefault({}),
  volume: z
    .strictObject({
      sizeGb: z.int().min(10).max(10_240).default(20).describe("Size of the data volume, in GB. It can grow, not shrink."),
      id: z.int().positive().optional().describe("Adopt this existing volume, by Hetzner's id, instead of creating one."),
      deleteOnDestroy: z.boolean().default(false).describe("Let `pulumi destroy` delete the data too."),
    })
    .prefault({}),
  ssh: z
    .strictObject({
      sources: z
        .array(z.union([z.cidrv4(), z.cidrv6()], { error: "an address range such as 203.0.113.7/32 or 2001:db8::/64" }))
        .max(50)
        .default([])
        .describe("Address ranges (CIDR) that may reach port 22."),
      openToWorld: z.boolean().default(false).describe("Says in so many words that port 22 is open to the world."),
    })
    .prefault({}),
  domain: z
    .hostname()
    .regex(/\.[a-z][a-z0-9-]*[a-z0-9]$/i, "a DNS name such as app.example.com")
    .optional()
    .describe("Name the application is served under, with automatic HTTPS. Without it: plain HTTP on port 80."),
  acme: z
    .strictObject({
      email: z.email().optional().describe("Address the certificate authority may write to."),
      staging: z.boolean().default(false).describe("Use Let's Encrypt's staging authority: untrusted certificates, generous limits. With `directory`: expect certificates that browsers do not trust."),
      directory: z
        .string()
        .regex(/^https:\/\/[A-Za-z0-9.[\]:-]+\/[!#-'*-[\]^-z|~]*$/, "an https:// URL, such as https://ca.example.com/directory")
        .max(512)
        .optional()
        .describe("ACME directory of another authority. The proxy's image must trust its HTTPS."),
      checkDns: z.boolean().default(true).describe("Wait before a release, and then stop, while `domain` does not lead to the server. false: it leads there by another way, such as a proxy in front."),
    })
    .prefault({}),
  registry: z
    .strictObject({
      server: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?$/, "a registry host such as ghcr.io or registry.example.com:5000, without scheme and path")
        .describe("Private registry to sign in to. Goes with `registry.username` and the secret `registryPassword`."),
      username: z
        .string()
        .regex(/^[A-Za-z0-9 _./:@,=+-]{1,128}$/, "letters, digits and _ . / : @ , = + - (what release.env can hold)")
        .describe("User name at that registry."),
    })
    .optional(),
  app: z.strictObject({
    image: image.describe("Image of the API and the worker, with a version or a digest."),
    architectures: z
      .array(z.enum(["x86", "arm"]))
      .min(1)
      .default(["x86"])
      .describe("Hetzner architectures the image is built for: x86 (linux/amd64), arm (linux/arm64)."),
    uid: uid.default(1000).describe("User id the application's processes run as, and that its secret files belong to."),
    port: z.int().min(1).max(65_535).default(3000).describe("Port the API listens on, inside its container."),
    queues: z
      .array(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "a queue name of 1 to 64 letters, digits, _ and -"), {
        error: (issue) => (issue.code === "invalid_type" ? "a list of queue names" : undefined),
      })
      .min(1, "at least one queue")
      .max(64)
      .describe("Names of the Bull queues. The connection budget follows from them."),
    env: z.record(envName, envValue).default({}).describe("Environment of the application's processes. Not for secrets."),
    migrate: z.array(word).default([]).describe("Command run once per release, before the new processes start. Empty: nothing to migrate."),
    migrateSeconds: z.int().min(10).max(3_600).default(MIGRATE_SECONDS).describe("How long the migration may take, in seconds, before it is stopped and the release has failed."),
    readyPath: path.default("/readyz").describe("Answers 200 when Redis and Postgres answer."),
    canaryPath: path
      .nullable()
      .default("/ops/canary")
      .describe("`POST` here sends a canary job through each queue and answers when all came back. Empty when the application has none."),
    heartbeatKey: z
      .string()
      .regex(/^[!-~]{1,256}$/, "a Redis key of printable ASCII without spaces")
      .nullable()
      .default("berth:heartbeat:worker")
      .describe("Redis key that the worker renews. Empty when the application has none."),
    startupSeconds: seconds.default(180).describe("Deadline of the application's own wait for Redis, in seconds. Must cover `redis.loadSeconds`."),
  }),
  api: processWith({ command: ["node", "api.js"], memoryMb: 384, cpuShares: 1024, listens: true, processes: false, stopGraceSeconds: 30 }),
  // 64: beside a worker that burns every core Redis's p99 is 0.54 ms with it, 0.76 ms with 128 and 0.52 ms with 16 (docs/bench.md); less would leave the worker next to nothing where all is busy.
  worker: processWith({ command: ["node", "worker.js"], memoryMb: 512, cpuShares: 64, listens: false, processes: true, stopGraceSeconds: 60 }),
  redis: z
    .strictObject({
      image: image.default("redis:8.0.5").describe("Image of Redis. Its major is never crossed by a rollback."),
      uid: uid.default(999).describe("User id Redis runs as in that image."),
      memoryMb: mebibytes.default(512).describe("Memory limit of the container, in MiB."),
      maxmemoryMb: mebibytes.default(192).describe("Redis's maxmemory, in MiB: at most (memoryMb - 128) / 2, because an AOF rewrite forks."),
      maxclients: z.int().min(32).max(100_000).default(1000).describe("Connections Redis accepts."),
      connectionCeiling: z
        .int()
        .min(1)
        .optional()
        .describe("The most connections the application may hold, over all processes. Unset: three a queue a process."),
      appendfsync: z.enum(["everysec", "always"]).default("everysec").describe("When the AOF is flushed: everysec or always."),
      cpuShares: cpuShares.default(4096).describe("CPU weight: high, so that a busy worker does not slow Redis."),
      loadSeconds: seconds.default(120).describe("The longest an AOF may take to load, in seconds: the health check's start period."),
      managed: z
        .strictObject({
          connections: z.int().min(17).max(1_000_000).optional().describe("Connections the provider's plan allows. Required with the secret `redisUrl`."),
          persistence: z
            .enum(["aof", "snapshots", "none"])
            .default("aof")
            .describe("The least persistence to ask of what the provider shows: aof; snapshots (jobs since the last one may be lost); none (all may be). What it hides is listed, not failed."),
          caCertificate: z.string().max(65_536).optional().describe("PEM of the authority that signed the provider's certificate, where it is a private one. Unset: those Node.js trusts."),
          serverName: z.hostname().optional().describe("Name the provider's certificate is for, where the URL's host is another, such as a private address."),
          plaintext: z.boolean().default(false).describe("Says in so many words that `redis://` may cross a public network: password and jobs unencrypted."),
        })
        .prefault({}),
    })
    .prefault({}),
  postgres: z
    .strictObject({
      image: image.default("postgres:17.6").describe("Image of Postgres. Its tag must name the major: data of one is unreadable to another."),
      uid: uid.default(999).describe("User id Postgres runs as in that image."),
      memoryMb: mebibytes.default(512).describe("Memory limit of the container, in MiB."),
      cpuShares: cpuShares.default(2048).describe("CPU weight."),
      database: identifier.default("app").describe("Database of the application."),
      user: identifier.default("app").describe("User the application signs in as."),
      maxConnections: z.int().min(10).max(10_000).default(50).describe("Connections Postgres accepts."),
    })
    .prefault({}),
  proxy: z
    .strictObject({
      image: image.default("caddy:2.10.2").describe("Image of Caddy."),
      uid: uid.default(1000).describe("User id Caddy runs as."),
      memoryMb: mebibytes.default(128).describe("Memory limit of the container, in MiB."),
      cpuShares: cpuShares.default(1024).describe("CPU weight."),
    })
    .prefault({}),
  host: z
    .strictObject({
      reserveMb: mebibytes.default(512).describe("Memory, in MiB, that no container may be promised: kernel, sshd, Docker, page cache."),
      unattendedUpgrades: z.boolean().default(true).describe("Install security updates by themselves; Docker is held back and kept alive."),
    })
    .prefault({}),
  alert: z
    .strictObject({
      command: z.array(word).default([]).describe("Command on the server that is told, by JSON on its standard input, what began to fail or no longer does. For a webhook: the secret `alertWebhook`."),
      everyMinutes: z.int().min(1).max(1_440).default(5).describe("How often the server verifies itself when there is somebody to tell, in minutes."),
    })
    .prefault({}),
  verify: z
    .strictObject({
      settleSeconds: seconds.default(45).describe("How long connections may take to settle before a surplus fails, in seconds."),
      image: image.optional().describe("Image that runs the verifier (needs `node` >= 20). Unset: the application's."),
    })
    .prefault({}),
  secrets: z.strictObject({
    redisPassword: password.optional().describe("Password of Berth's own Redis. This or `redisUrl`."),
    redisUrl: secret.optional().describe("URL of a managed Redis, `rediss://USER:PASSWORD@HOST:PORT`. With it Berth runs no Redis of its own."),
    postgresPassword: password.describe("Password of the Postgres user. Every release sets it in the database, so that a changed one arrives and a way back restores the one before."),
    deployKey: privateKey.describe("OpenSSH private key (ed25519) the deployment signs in with."),
    nextDeployKey: privateKey.optional().describe("Key that takes the place of `deployKey` at the next step of its rotation. The server accepts it beside the present one."),
    previousDeployKey: privateKey.optional().describe("Key that `deployKey` took the place of. The server accepts it until it is taken out here."),
    hostKey: privateKey.describe("OpenSSH private host key (ed25519) the server is given at its first boot, and pinned to."),
    alertWebhook: secret.optional().describe("Address (https://…) that is told the same by POST. Secret, because whoever has it can write there."),
    registryPassword: secret.optional().describe("Password or token at `registry.server`."),
    app: z.record(envName, secret).default({}).describe("The application's own: NAME becomes the file `/run/secrets/NAME`, named to it by `NAME_FILE`."),
  }),
});

/** Validated, defaulted configuration of one stack. */
export type Config = z.infer<typeof configSchema>;
/** What a user may write under `berth:`. */
export type ConfigInput = z.input<typeof configSchema>;
