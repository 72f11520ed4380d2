import { HEARTBEAT_KEY, HEARTBEAT_TTL_SECONDS } from "berth-runtime";
import { expect, test } from "vitest";
import { z } from "zod";
import { parseYaml } from "../../src/compose/yaml.ts";
import { sha256 } from "../../src/release/addresses.ts";
import { releaseBundle, type BundleInput } from "../../src/release/bundle.ts";
import { readExpectations } from "../../src/verify/expectations.ts";
import { stack } from "../helpers/stack.ts";

const input: BundleInput = {
  config: stack({ app: { migrate: ["node", "migrate.js"] } }),
  deployKeys: ["ssh-ed25519 present", "ssh-ed25519 previous"],
  volumeId: "4711",
  scripts: { berth: "#!/bin/sh\necho berth\n", "paths.sh": "ROOT=\n" },
  verifierDigest: "ab".repeat(32),
};
const bundle = releaseBundle(input);

const composeShape = z.object({ services: z.record(z.string(), z.looseObject({ volumes: z.array(z.looseObject({ source: z.string() })) })) });

function services(from: { compose: string }): z.infer<typeof composeShape>["services"] {
  return composeShape.parse(parseYaml(from.compose)).services;
}

/** Services whose definition differs: the containers that Compose would make anew. */
function remade(change: Partial<BundleInput>): string[] {
  const after = services(releaseBundle({ ...input, ...change }));
  return Object.entries(services(bundle)).filter(([name, service]) => JSON.stringify(service) !== JSON.stringify(after[name])).map(([name]) => name);
}

test("the same input gives the same release", () => {
  expect(releaseBundle(input)).toEqual(bundle);
  expect(bundle.r12).toBe(bundle.digest.slice(0, 12));
});

test("what is laid down, in order", () => {
  expect(bundle.files.map(({ path, mode }) => `${mode} ${path}`.replaceAll(bundle.r12, "<r12>").replace(/\/[0-9a-f]{12}(?=[/-])/, "/<sha12>"))).toMatchInlineSnapshot(`
    [
      "0755 /opt/berth/scripts/<sha12>/berth",
      "0644 /opt/berth/scripts/<sha12>/paths.sh",
      "0644 /opt/berth/files/<sha12>-redis.conf",
      "0644 /opt/berth/files/<sha12>-Caddyfile",
      "0644 /opt/berth/files/<sha12>-expect.json",
      "0644 /opt/berth/releases/<r12>/host/etc/apt/apt.conf.d/52-berth-upgrades",
      "0644 /opt/berth/releases/<r12>/host/etc/berth/firewall.nft",
      "0644 /opt/berth/releases/<r12>/host/etc/berth/host.env",
      "0644 /opt/berth/releases/<r12>/host/etc/docker/daemon.json",
      "0644 /opt/berth/releases/<r12>/host/etc/needrestart/conf.d/50-berth.conf",
      "0644 /opt/berth/releases/<r12>/host/etc/ssh/sshd_config.d/10-berth.conf",
      "0644 /opt/berth/releases/<r12>/host/etc/sysctl.d/90-berth.conf",
      "0644 /opt/berth/releases/<r12>/host/etc/systemd/journald.conf.d/berth.conf",
      "0644 /opt/berth/releases/<r12>/host/etc/systemd/system/berth-firewall.service",
      "0644 /opt/berth/releases/<r12>/host/etc/systemd/system/berth-volume.service",
      "0644 /opt/berth/releases/<r12>/host/etc/systemd/system/berth.service",
      "0644 /opt/berth/releases/<r12>/host/etc/systemd/system/docker.service.d/berth.conf",
      "0644 /opt/berth/releases/<r12>/host/etc/tmpfiles.d/berth.conf",
      "0644 /etc/ssh/authorized_keys.d/deploy",
      "0644 /opt/berth/releases/<r12>/compose.yaml",
      "0644 /opt/berth/releases/<r12>/release.env",
    ]
  `);
});

test("content-addressed files are named by what they hold", () => {
  for (const { path, text } of bundle.files.filter((it) => it.path.startsWith("/opt/berth/files/"))) {
    expect(path).toContain(`/${sha256(text).slice(0, 12)}-`);
  }
});

test("every mounted file of ours is laid down by this release", () => {
  const laid = new Set([...bundle.files, ...bundle.secrets].map(({ path }) => path));
  const mounted = Object.values(services(bundle)).flatMap(({ volumes }) => volumes.map(({ source }) => source)).filter((source) => source.startsWith("/opt/berth/"));
  expect(mounted.filter((source) => !laid.has(source))).toEqual(["/opt/berth/verifier/abababababab.mjs"]);
});

test("a new image of the application leaves Redis, Postgres and the proxy as they are", () => {
  expect(remade({ config: stack({ app: { image: "ghcr.io/example/app:1.4.3", migrate: ["node", "migrate.js"] } }) })).toEqual(["api", "worker", "migrate", "verify"]);
});

test("a changed redis.conf makes Redis anew, and the verifier that knows of it; no other service", () => {
  expect(remade({ config: stack({ app: { migrate: ["node", "migrate.js"] }, redis: { maxclients: 2000 } }) })).toEqual(["redis", "verify"]);
});

test("a new verifier makes no service anew", () => {
  expect(remade({ verifierDigest: "cd".repeat(32) })).toEqual(["verify"]);
});

test("a changed secret reaches exactly its readers", () => {
  expect(remade({ config: stack({ app: { migrate: ["node", "migrate.js"] }, secrets: { postgresPassword: "new" } }) })).toEqual(["postgres", "api", "worker", "migrate", "verify"]);
});

test.each<[string, Partial<BundleInput>]>([
  ["a script", { scripts: { ...input.scripts, "paths.sh": "ROOT=x\n" } }],
  ["a host setting", { config: stack({ app: { migrate: ["node", "migrate.js"] }, host: { unattendedUpgrades: false } }) }],
  ["the volume", { volumeId: "4712" }],
  ["the verifier", { verifierDigest: "cd".repeat(32) }],
  ["a secret", { config: stack({ app: { migrate: ["node", "migrate.js"] }, secrets: { redisPassword: "new" } }) }],
  ["a bound that only the scripts know", { config: stack({ app: { migrate: ["node", "migrate.js"] }, verify: { settleSeconds: 46 } }) }],
])("%s is part of the release's name", (_, change) => {
  expect(releaseBundle({ ...input, ...change }).digest).not.toBe(bundle.digest);
});

test("a changed comment of the stack's file, which renders to the same text, is the same release", () => {
  expect(releaseBundle({ ...input, scripts: Object.fromEntries(Object.entries(input.scripts).toReversed()) }).digest).toBe(bundle.digest);
});

test("release.env: what the scripts need", () => {
  const env = bundle.files.find(({ path }) => path.endsWith("/release.env"))?.text.replaceAll(bundle.r12, "<r12>");
  expect(env).toMatchInlineSnapshot(`
    "BERTH_RELEASE='<r12>'
    BERTH_PROJECT='berth'
    BERTH_SCRIPTS='a4a42a3c83fd'
    BERTH_IMAGES='redis:8.0.5 postgres:17.6 caddy:2.10.2 ghcr.io/example/app:1.4.2'
    BERTH_STATEFUL='redis=redis:8.0.5 postgres=postgres:17.6'
    BERTH_MIGRATE='1'
    BERTH_MIGRATE_SECONDS='900'
    BERTH_WAIT_SECONDS='465'
    BERTH_STOP_SECONDS='165'
    BERTH_VERIFY_SECONDS='135'
    BERTH_VOLUME_ID='4711'
    BERTH_VOLUME_DEVICE='/dev/disk/by-id/scsi-0HC_Volume_4711'
    BERTH_MOUNT='/mnt/berth'
    BERTH_REDIS_UID='999'
    BERTH_POSTGRES_UID='999'
    BERTH_PROXY_UID='1000'
    BERTH_REGISTRY=''
    BERTH_REGISTRY_USER=''
    BERTH_REGISTRY_SECRET=''
    BERTH_REDIS_SECRET='/opt/berth/secrets/redis-password-d158f4315577'
    BERTH_ALERT_WEBHOOK=''
    BERTH_DOMAIN=''
    "
  `);
});

test("what the release promises the verifier", () => {
  expect(bundle.expectations).toMatchObject({
    project: "berth",
    connectionCeiling: 12,
    processes: { api: { listens: true, processes: false }, worker: { listens: false, processes: true } },
    images: { redis: "redis:8.0.5", api: "ghcr.io/example/app:1.4.2" },
    memoryBytes: { redis: 512 * 1024 * 1024 },
    redis: { maxmemoryBytes: 192 * 1024 * 1024, passwordFile: "/run/secrets/redis_password", url: "redis://redis:6379" },
    api: { url: "http://api:3000" },
    publishedPorts: [80],
    volume: { id: "4711", mount: "/mnt/berth" },
  });
});

test("the verifier takes them", () => {
  const text = bundle.files.find(({ path }) => path.endsWith("-expect.json"))?.text ?? "";
  expect(readExpectations(text)).toEqual(bundle.expectations);
});

test("a heartbeat is too old when the runtime's has expired", () => {
  expect(bundle.expectations.heartbeat).toEqual({ key: HEARTBEAT_KEY, maxAgeSeconds: HEARTBEAT_TTL_SECONDS });
});

test("an application without a heartbeat is not asked for one", () => {
  expect(releaseBundle({ ...input, config: stack({ app: { heartbeatKey: null } }) }).expectations.heartbeat).toBeNull();
});

test("no secret is outside the secrets' document", () => {
  const readable = [bundle.filesDocument, bundle.compose, JSON.stringify(bundle.expectations), JSON.stringify(bundle.files)].join("\n");
  for (const secret of ["redis-pass", "postgres-pass"]) {
    // `redis-password` is a file's name; the value ends there.
    expect(readable).not.toMatch(new RegExp(`${secret}(?!word)`));
    expect(bundle.secretsDocument).toMatch(new RegExp(`${secret}(?!word)`));
  }
});
