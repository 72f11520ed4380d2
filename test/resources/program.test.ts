import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { type Acknowledged, acknowledgedIn } from "../../policy/acknowledged.ts";
import { composeImages } from "../../policy/compose-images.ts";
import { type Judged, rules as policies } from "../../policy/rules.ts";
import { extendMonitor, registration } from "../../rehearsal/engine/monitor.ts";
import { unwrapSecrets } from "../../rehearsal/engine/secrets.ts";
import { generateSecrets } from "../../src/config/generate.ts";

/** One registration as the engine would have received it. */
interface Registered {
  readonly name: string;
  readonly type: string;
  readonly inputs: Record<string, unknown>;
  readonly ignoreChanges: readonly string[];
}

const registered: Registered[] = [];
const REPORT = JSON.stringify({ version: 1, release: "", at: "", verdict: "pass", cause: null, settleMs: 0, totalMs: 0, connections: [], checks: [] });
let outputs: Record<string, pulumi.Output<unknown>> = {};
const secrets = generateSecrets();
/** A secret value as it travels to the engine. */
const SECRET = "4dabf18193072939515e22adb298388d";

const settings = {
  "berth:server": { type: "cx33", location: "nbg1" },
  "berth:ssh": { sources: ["203.0.113.7/32"] },
  "berth:domain": "app.example.com",
  "berth:app": { image: "registry.example.com/app:1.4.2", queues: ["file", "email"], migrate: ["node", "migrate.js"] },
  "berth:secrets": secrets,
};

beforeAll(async () => {
  extendMonitor();
  await pulumi.runtime.setMocks({
    newResource: ({ name, type, inputs, custom }) => {
      registered.push({ name, type, inputs: inputs as Record<string, unknown>, ignoreChanges: custom === true ? registration().ignoreChanges : [] });
      const id = String(1000 + registered.length);
      const state = { ...(inputs as Record<string, unknown>), ipAddress: "192.0.2.10", stdout: name === "host-files" ? "laid down by host-files" : REPORT, stderr: "" };
      return { id, state };
    },
    call: ({ token }) => {
      if (token.endsWith("getServers")) return { servers: [] };
      if (!token.endsWith("getServerType")) throw new Error(`the program asked for ${token}`);
      return { name: "cx33", memory: 8, cores: 4, disk: 80, architecture: "x86", locations: [] };
    },
  }, "berth", "prod", false);
  pulumi.runtime.setAllConfig(Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)])), ["berth:secrets"]);
  // Kept here: the stack gives its outputs back with secrets unmarked.
  await pulumi.runtime.runInPulumiStack(async () => (outputs = { ...(await import("../../src/index.ts")) } as unknown as typeof outputs));
  // Registrations whose outputs nobody reads are still under way: wait for the last one.
  await pulumi.runtime.disconnect();
}, 30_000);

function find(type: string, name: string): Registered {
  const found = registered.find((it) => it.type === type && it.name === name);
  if (found === undefined) throw new Error(`no ${type} named ${name}; registered: ${registered.map((it) => `${it.type}::${it.name}`).join(", ")}`);
  return found;
}

/** Names are identities: a renamed resource is a deleted and a created one. */
test("the resources of one stack, by type and name", () => {
  expect(registered.filter((it) => !it.type.startsWith("pulumi:")).map((it) => `${it.type} ${it.name.replace(/-[0-9a-f]{8}$/, "-FINGERPRINT")}`).toSorted()).toEqual([
    "berth:index:HostFiles host",
    "berth:index:OutsideProbe probe",
    "berth:index:Release release",
    "berth:index:Server server",
    "command:local:Command probe",
    "command:remote:Command host-files",
    "command:remote:Command host-secrets",
    "command:remote:Command host-verifier",
    "command:remote:Command release",
    "hcloud:index/firewall:Firewall server",
    "hcloud:index/primaryIp:PrimaryIp server",
    "hcloud:index/server:Server server",
    "hcloud:index/sshKey:SshKey server-FINGERPRINT",
    "hcloud:index/volume:Volume server",
    "hcloud:index/volumeAttachment:VolumeAttachment server",
  ]);
});

test("every connection to the host pins its key and uses the deploy key as a secret", async () => {
  const { publicKey } = await import("../../src/config/keys.ts");
  const { Secret } = await import("../../src/config/secret.ts");
  const remotes = registered.filter((it) => it.type === "command:remote:Command");
  expect(remotes).toHaveLength(4);
  for (const { name, inputs } of remotes) {
    const connection = inputs["connection"] as Record<string, unknown>;
    // The provider's schema makes all of it a secret, because the private key is in it.
    expect(Object.keys(connection)).toContain(SECRET);
    const plain = connection["value"] as Record<string, unknown>;
    expect(plain["hostKey"], `${name}: a connection that is not pinned can be answered by anybody`).toBe(publicKey(new Secret(secrets.hostKey)));
    expect(plain).toMatchObject({ host: "192.0.2.10", user: "deploy", privateKey: secrets.deployKey, dialErrorLimit: 60 });
  }
});

test("a command's arguments never carry the secrets, nor does any input that is not marked secret", () => {
  const planted = [secrets.redisPassword, secrets.postgresPassword, secrets.deployKey, secrets.hostKey];
  const shown = JSON.stringify(registered.map(({ inputs }) => inputs), (_key, value: unknown) =>
    typeof value === "object" && value !== null && SECRET in value ? "[secret]" : value);
  for (const secret of planted) expect(shown.includes(JSON.stringify(secret).slice(1, -1))).toBe(false);
});

test("the secrets are one document on standard input, unlogged", () => {
  const { inputs } = find("command:remote:Command", "host-secrets");
  expect(inputs).toMatchObject({ create: "sudo sh -eu", logging: "none", addPreviousOutputInEnv: false });
  expect(inputs["stdin"]).toMatchObject({ [SECRET]: expect.anything(), value: expect.stringContaining(secrets.redisPassword) as string });
});

test("the server is not lost for a cosmetic change, and keeps its address", () => {
  const { inputs, ignoreChanges } = find("hcloud:index/server:Server", "server");
  expect(ignoreChanges).toEqual(["userData", "sshKeys", "image", "location"]);
  expect(inputs).toMatchObject({ name: "berth-prod", serverType: "cx33", image: "debian-13", location: "nbg1", keepDisk: true, shutdownBeforeDeletion: true });
  expect(inputs["userData"]).toMatchObject({ [SECRET]: expect.anything() });
  expect(inputs["publicNets"]).toEqual([{ ipv4Enabled: true, ipv4: expect.any(Number) as number, ipv6Enabled: true }]);
});

test("the firewall lets in SSH from the named sources, HTTP and HTTPS, and nothing else", () => {
  const rules = find("hcloud:index/firewall:Firewall", "server").inputs["rules"] as { port?: string; protocol: string; sourceIps?: string[] }[];
  expect(rules.filter((rule) => rule.protocol !== "icmp").map((rule) => [rule.protocol, rule.port, rule.sourceIps])).toEqual([
    ["tcp", "22", ["203.0.113.7/32"]],
    ["tcp", "80", ["0.0.0.0/0", "::/0"]],
    ["tcp", "443", ["0.0.0.0/0", "::/0"]],
  ]);
});

test("the release runs by its digest, again on a new or resized server, and again whenever the files were laid down again", () => {
  const laid = find("command:remote:Command", "host-files");
  expect(laid.inputs["create"]).toBe("sudo sh -eu && date -u +%FT%T.%NZ");
  // Nothing is laid down on a host whose first boot goes on.
  expect(laid.inputs["stdin"]).toMatch(/^# A first boot [^]*cloud-init status --wait[^]*# Berth: the files of a release/);
  expect(find("command:remote:Command", "release").inputs["stdin"]).toBe("laid down by host-files cx33");
  const { inputs } = find("command:remote:Command", "release");
  expect(inputs["create"]).toMatch(/^sudo \/opt\/berth\/scripts\/[0-9a-f]{12}\/berth release [0-9a-f]{12}$/);
  expect(inputs["triggers"]).toEqual([expect.stringMatching(/^\d+$/)]);
  expect(inputs["logging"]).toBe("stderr");
});

test("the stack says the verdict in a line, and the whole reports only when asked", async () => {
  const output = (name: string): pulumi.Output<unknown> => pulumi.output<unknown>(outputs[name]);
  const value = (name: string): Promise<unknown> => new Promise((resolve) => output(name).apply(resolve));
  expect(Object.keys(outputs).toSorted()).toEqual(["address", "address6", "outside", "releaseId", "reports", "ssh", "url", "verification"]);
  expect(await value("verification")).toBe("VERIFIED: 0 checks, 0 passed, 0 failed, 0 unknown");
  expect(await value("reports")).toEqual({ release: REPORT, outside: REPORT });
  expect(await pulumi.isSecret(output("reports"))).toBe(true);
});

const NOTHING: Acknowledged = { sshOpenToWorld: false, dataDeletable: false };

/** What the rules of the policy pack say of one resource, as `rule: violation`. */
function judged(resource: Judged, acknowledged = NOTHING): string[] {
  return policies.flatMap((rule) => rule.judge(resource, acknowledged).map((violation) => `${rule.name}: ${violation}`));
}

/** A resource of this program, its inputs in the clear and changed. */
function changed(type: string, name: string, change: (inputs: Record<string, unknown>) => Record<string, unknown>): Judged {
  const inputs = unwrapSecrets(find(type, name).inputs) as Record<string, unknown>;
  return { type, name, inputs: { ...inputs, ...change(structuredClone(inputs)) } };
}

const FIREWALL = ["hcloud:index/firewall:Firewall", "server"] as const;
const opening = (port: string, ...sourceIps: string[]) => (inputs: Record<string, unknown>) =>
  ({ rules: [...(inputs["rules"] as unknown[]), { direction: "in", protocol: "tcp", port, sourceIps }] });
const withCompose = (from: string | RegExp, to: string) => ({ stdin }: Record<string, unknown>) => ({ stdin: String(stdin).replace(from, to) });

test("the program keeps every rule of the policy pack", () => {
  expect(registered.flatMap(({ type, name, inputs }) => judged({ type, name, inputs: unwrapSecrets(inputs) }))).toEqual([]);
  // They had something to look at.
  const { stdin } = find("command:remote:Command", "host-files").inputs;
  expect(composeImages(String(stdin)).map(({ service }) => service).toSorted()).toEqual(["api", "migrate", "postgres", "proxy", "redis", "verify", "worker"]);
});

test.each([
  ["Redis's port", () => changed(...FIREWALL, opening("6379", "203.0.113.7/32")),
    "no-data-port: required no way in to Redis; found a rule that opens port 6379 (6379); take it out: the application reaches Redis inside the server"],
  ["a range with Postgres's port in it", () => changed(...FIREWALL, opening("5000-6000", "203.0.113.7/32")),
    "no-data-port: required no way in to Postgres; found a rule that opens port 5432 (5000-6000); take it out: the application reaches Postgres inside the server"],
  ["SSH for the world", () => changed(...FIREWALL, opening("22", "::/0")),
    "ssh-sources: required named sources for port 22; found the world; name them in berth:ssh.sources, or say berth:ssh.openToWorld: true"],
  ["SSH for the world in halves", () => changed(...FIREWALL, opening("20-25", "0.0.0.0/1", "128.0.0.0/1")),
    "ssh-sources: required named sources for port 22; found the world; name them in berth:ssh.sources, or say berth:ssh.openToWorld: true"],
  ["a volume that anyone may delete", () => changed("hcloud:index/volume:Volume", "server", () => ({ deleteProtection: false })),
    "data-retained: required deleteProtection: true on a volume; found false; protect it, or say berth:volume.deleteOnDestroy: true"],
  ["an image that floats", () => changed("command:remote:Command", "host-files", withCompose(/image: redis:8\.0\.5/, "image: redis:latest")),
    'images-pinned: required a digest or a version for the image of redis; found "redis:latest"; pin it in the stack\'s settings'],
  ["an image that Docker would build", () => changed("command:remote:Command", "host-files", withCompose(/image: redis:8\.0\.5/, "build: .")),
    "images-pinned: required a digest or a version for the image of redis; found null; pin it in the stack's settings"],
  ["a connection to whoever answers", () => changed("command:remote:Command", "release", () => ({ connection: { host: "192.0.2.10", privateKey: "…" } })),
    "host-key-pinned: required connection.hostKey, an ssh-ed25519 public key; found none: whoever answers at that address would be given the secrets; set it"],
  ["a proxy that is not pinned", () => changed("command:remote:Command", "host-secrets", ({ connection }) => ({ connection: { ...(connection as object), proxy: { host: "192.0.2.1" } } })),
    "host-key-pinned: required connection.proxy.hostKey, an ssh-ed25519 public key; found none: whoever answers at that address would be given the secrets; set it"],
])("the policy pack refuses %s, and says that alone", (_what, resource, violation) => {
  expect(judged(resource())).toEqual([violation]);
});

test("an opening is let pass by the flag of the settings that says so, and by no other word", () => {
  const ssh = changed(...FIREWALL, opening("22", "0.0.0.0/0"));
  const volume = changed("hcloud:index/volume:Volume", "server", () => ({ deleteProtection: false }));
  const both = (sections: Record<string, unknown>): string[] => [ssh, volume].flatMap((it) => judged(it, acknowledgedIn((section) => sections[section])));
  expect(both({ ssh: { openToWorld: true }, volume: { deleteOnDestroy: true } })).toEqual([]);
  expect(both({ ssh: { openToWorld: "true", sources: [] }, volume: {} })).toHaveLength(2);
  expect(both({})).toHaveLength(2);
});
