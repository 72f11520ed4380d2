import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type CloudApi, startCloud } from "../../rehearsal/cloud/api.ts";
import { inProcessUp } from "../../rehearsal/engine/up.ts";
import { asConfig, changed } from "../../rehearsal/settings.ts";
import { generateSecrets } from "../../src/config/generate.ts";
import { FakeMachines } from "../rehearsal/cloud/fake-machines.ts";

/** A configuration that must not pass reaches nothing: the program itself is run, against an API that counts what it is asked. */

// Each starts the program in a process of its own, which on a busy machine takes half a minute.
vi.setConfig({ testTimeout: 90_000 });

const secrets = { ...generateSecrets() };
const good = {
  server: { type: "cx33" },
  ssh: { sources: ["203.0.113.7/32"] },
  app: { image: "registry.example.com/app:1.4.2", queues: ["file", "email"] },
  secrets,
};

const scratch = mkdtempSync(join(tmpdir(), "berth-refused-"));
let api: CloudApi;
let machines: FakeMachines;

beforeAll(async () => {
  machines = new FakeMachines();
  api = await startCloud({ machines, ipv4Addresses: ["192.0.2.1"] });
});
afterAll(async () => {
  await api.close();
  rmSync(scratch, { recursive: true, force: true });
});

async function refused(changes: Readonly<Record<string, unknown>>): Promise<{ message: string; asked: string[] }> {
  const before = api.requests.length;
  const up = inProcessUp({
    programPath: join(import.meta.dirname, "../../src/index.ts"),
    project: "berth",
    stack: "prod",
    config: asConfig(changed(good, changes)),
    secretKeys: ["berth:secrets"],
    endpoint: api.url,
    token: api.token,
    stateFile: join(scratch, "state.json"),
    log: () => undefined,
  });
  const message = await up.then(() => "no error", (error: unknown) => String(error));
  return { message, asked: api.requests.slice(before).map(({ route }) => route) };
}

test("two faults: both in one message, and Hetzner is not even asked", async () => {
  const { message, asked } = await refused({ "app.image": "app:latest", "redis.maxmemoryMb": 500 });
  expect(message).toMatch(/app\.image: required .*; found "app:latest"/);
  expect(message).toMatch(/redis\.maxmemoryMb: required .*; found 500/);
  expect(asked).toEqual([]);
});

test("a missing secret is named, and no other secret with it", async () => {
  const { message, asked } = await refused({ "secrets.redisPassword": "" });
  expect(message).toMatch(/secrets\.redisPassword: required/);
  for (const secret of Object.values(secrets)) expect(message.includes(secret)).toBe(false);
  expect(asked).toEqual([]);
});

test("limits that exceed the server's real size: its type is asked for, and nothing is made", async () => {
  const { message, asked } = await refused({ "worker.memoryMb": 8_000 });
  expect(message).toMatch(/server\.type: required memory limits of at most 7680 MiB together .*; found 9728 MiB/);
  expect(asked.filter((route) => !route.startsWith("GET /server_types"))).toEqual([]);
  expect(asked).not.toEqual([]);
  expect(machines.calls).toEqual([]);
});

test("another volume than the stack's server has: refused before Pulumi would detach it, and nothing is made", async () => {
  const labels = { "managed-by": "berth", project: "berth", stack: "prod" };
  const server = await made("servers", { name: "berth-prod", server_type: "cx33", image: "debian-13", location: "nbg1", labels });
  const volume = await made("volumes", { name: "berth-prod", size: 20, server, labels });
  const before = machines.calls.length;
  for (const [changes, found] of [[{ "volume.id": volume + 1 }, String(volume + 1)], [{ nodes: { main: { roles: ["proxy", "api", "worker", "redis", "postgres"], volumeId: 9 } } }, "9"]] as const) {
    const { message, asked } = await refused(changes);
    expect(message).toMatch(new RegExp(`required ${volume}, the volume that server berth-prod has, .*; found ${found}`));
    expect(asked.filter((route) => !route.startsWith("GET "))).toEqual([]);
  }
  expect(machines.calls.slice(before)).toEqual([]);
});

test("a type that the stack's server cannot become: refused before its power is cut, and nothing is asked but what is there", async () => {
  const [server] = api.books.servers.values();
  if (server === undefined) throw new Error("the server of the test before is required");
  const before = machines.calls.length;
  const arm = await refused({ "server.type": "cax21", "app.architectures": ["arm"] });
  expect(arm.message).toMatch(/server\.type: required a type of architecture x86, which server berth-prod has, .*; found cax21, which is arm/);
  Object.assign(server, { type: "cx43", diskGb: 160 });
  const small = await refused({});
  expect(small.message).toMatch(/server\.type: required a type with a root disk of at least 160 GB, which server berth-prod has, .*; found cx33, which has 80 GB/);
  expect([...arm.asked, ...small.asked].filter((route) => !route.startsWith("GET "))).toEqual([]);
  expect(machines.calls.slice(before)).toEqual([]);
});

/** Make something at the stand-in. @returns its id, once it is there */
async function made(kind: "servers" | "volumes", body: object): Promise<number> {
  const response = await fetch(`${api.url}/${kind}`, { method: "POST", headers: { authorization: `Bearer ${api.token}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  const answer = (await response.json()) as Record<string, { id: number }>;
  await api.books.actions.idle();
  return answer[kind.slice(0, -1)]?.id ?? 0;
}
