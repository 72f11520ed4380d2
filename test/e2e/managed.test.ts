import { beforeAll, expect, test } from "vitest";
import { ask, secretsIn, verify, whereSecretsMustNotBe } from "../../rehearsal/observe.ts";
import { ManagedRedis } from "../../rehearsal/provider/managed-redis.ts";
import type { Up } from "../../rehearsal/rehearsal.ts";
import { managedSettings } from "../../rehearsal/topology.ts";
import { check, notPassed, rehearsed } from "../helpers/deployment.ts";

/** A stack whose Redis is a provider's: a real one beside the server, with TLS and a user who may not ask everything. */

const rehearsal = rehearsed();
let provider: ManagedRedis;
let up: Up;

beforeAll(async () => {
  const { docker, ledger, machines } = rehearsal.it;
  provider = await ManagedRedis.start({ docker, ledger, network: machines.network });
  up = await rehearsal.it.up(managedSettings(provider));
});

test("verified without a Redis of its own; what the provider refuses is listed apart, and the connections are those it lists", async () => {
  expect(up.report.verdict).toBe("pass");
  expect(notPassed(up.report)).toEqual(["redis.config", "redis.hugepages", "redis.overcommit", "redis.save", "redis.swap"]);
  const services = await rehearsal.it.exec(["docker", "ps", "--format", '{{.Label "com.docker.compose.service"}}']);
  expect(services.trim().split("\n").toSorted()).toEqual(["api", "postgres", "proxy", "worker"]);
  const listed = await provider.clients(rehearsal.it.address);
  expect(up.report.connections.map(({ id }) => id).toSorted()).toEqual(listed.map(({ id }) => id).toSorted());
  expect(listed).toHaveLength(10);
});

test("a job goes through it", async () => {
  const { id } = (await ask(rehearsal.it, "/jobs", { queue: "email", data: { to: "a@example.net", subject: "managed", text: "over TLS" } })).body as { id: string };
  await expect.poll(async () => (await ask(rehearsal.it, `/jobs/${id}`)).body, { timeout: 30_000 }).toMatchObject({ id, state: "completed" });
});

test("URL and password are nowhere but in their file", async () => {
  const places = await whereSecretsMustNotBe(rehearsal.it);
  const found = Object.entries(places).filter(([, text]) => text.includes(provider.password) || text.includes(provider.url) || secretsIn(rehearsal.it, text).length > 0);
  expect(found.map(([place]) => place)).toEqual([]);
});

test("a leak from this server is named among the provider's connections, others' are not ours", async () => {
  const script = "const { readFileSync } = require('node:fs'); const url = new URL(readFileSync('/run/secrets/redis_url', 'utf8')); const s = require('node:tls').connect({ host: url.hostname, port: Number(url.port), servername: url.hostname, ca: readFileSync('/etc/berth/redis-ca.crt') }, () => s.write(`AUTH ${url.username} ${url.password}\\r\\n`)); setTimeout(() => process.exit(), 120000)";
  await rehearsal.it.exec(["docker", "exec", "--detach", "berth-api-1", "node", "-e", script]);
  const report = await verify(rehearsal.it);
  const foreign = check(report, "connections.foreign");
  expect(foreign.status).toBe("fail");
  expect(foreign.seen).toContain(`1 connection: this server ${rehearsal.it.address}:`);
});
