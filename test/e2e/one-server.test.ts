import { expect, test } from "vitest";
import { onHost } from "../../src/cli/host.ts";
import { publicKey } from "../../src/config/keys.ts";
import { Secret } from "../../src/config/secret.ts";
import { generateSecrets } from "../../src/config/generate.ts";
import { ask, containerIds, redisClients, secretsIn, verify, whereSecretsMustNotBe } from "../../rehearsal/observe.ts";
import { ensureImage } from "../../rehearsal/images.ts";
import { AcmeAuthority } from "../../rehearsal/provider/acme.ts";
import { check, notPassed, rehearsed } from "../helpers/deployment.ts";

/** One stack's first day, on a stand-in server: the tests are in its order. */
const rehearsal = rehearsed();

const STATEFUL = ["redis", "postgres", "proxy"];

test("a bare server becomes a verified application", async () => {
  const up = await rehearsal.it.up();
  expect(up.report.verdict).toBe("pass");
  expect(notPassed(up.report)).toEqual([]);
  expect(up.outside.filter((it) => it.status !== "pass")).toEqual([]);
  expect(up.sshConnections).toBeLessThanOrEqual(5);
});

test("the counted connections are those that Redis lists: 10 with the API listening", async () => {
  const report = await verify(rehearsal.it);
  const listed = await redisClients(rehearsal.it);
  expect(listed.map((it) => it.id).toSorted()).toEqual(report.connections.map((it) => it.id).toSorted());
  expect(listed).toHaveLength(10);
});

test("sshd accepted the deploy key and nothing else", async () => {
  const journal = await rehearsal.it.exec(["journalctl", "--no-pager", "-o", "cat", "-u", "ssh"]);
  const accepted = journal.split("\n").filter((line) => line.startsWith("Accepted "));
  expect(accepted.length).toBeGreaterThanOrEqual(4);
  const fingerprint = rehearsal.it.deployKeyFingerprint();
  for (const line of accepted) expect(line).toContain(`publickey for deploy`);
  for (const line of accepted) expect(line).toContain(fingerprint);
});

test("berth verify and status answer on a laptop, over the pinned key; another key is refused", async () => {
  const target = rehearsal.it.sshTarget;
  expect(await onHost(target, ["verify"], 120)).toBe(0);
  expect(await onHost(target, ["status"], 60)).toBe(0);
  const another = publicKey(new Secret(generateSecrets().hostKey));
  await expect(onHost({ ...target, hostKey: another }, ["status"], 60)).rejects.toThrow("the pinned host key is required, found another");
});

test("a second up changes nothing", async () => {
  const before = await containerIds(rehearsal.it);
  const up = await rehearsal.it.up();
  expect(up.counters).toMatchObject({ created: 0, updated: 0 });
  expect(await containerIds(rehearsal.it)).toEqual(before);
});

test("a new application image leaves the stateful containers as they were, and keeps the job that was there", async () => {
  const job = (await ask(rehearsal.it, "/jobs", { queue: "email", data: { to: "someone@example.com", subject: "kept", text: "over a release" } })).body as { id: string };
  const before = await containerIds(rehearsal.it);
  const up = await rehearsal.it.up({ "app.image": await rehearsal.it.appImage("2") });
  const after = await containerIds(rehearsal.it);
  expect(up.report.verdict).toBe("pass");
  expect((await ask(rehearsal.it, "/")).body).toMatchObject({ version: "2" });
  for (const service of STATEFUL) expect(after[service], service).toBe(before[service]);
  for (const service of ["api", "worker"]) expect(after[service], service).not.toBe(before[service]);
  expect((await ask(rehearsal.it, `/jobs/${job.id}`)).body).toMatchObject({ id: job.id });
  expect(up.sshConnections).toBeLessThanOrEqual(3);
});

test("an API that processes too: 12 connections", async () => {
  const up = await rehearsal.it.up({ "api.processes": true });
  expect(up.report.verdict).toBe("pass");
  expect(await redisClients(rehearsal.it)).toHaveLength(12);
});

test("a swapped host key stops the deployment before anything is said to the host", async () => {
  const good = await rehearsal.it.exec(["cat", "/etc/ssh/ssh_host_ed25519_key"]);
  const sessions = async () => (await rehearsal.it.exec(["journalctl", "--no-pager", "-o", "cat", "-u", "ssh"])).split("\n").filter((line) => line.startsWith("Accepted ")).length;
  const before = await sessions();
  await rehearsal.it.exec(["sh", "-c", "cat >/etc/ssh/ssh_host_ed25519_key && systemctl restart ssh"], { input: generateSecrets().hostKey });
  try {
    await expect(rehearsal.it.up({ "api.processes": false })).rejects.toThrow(/host key/i);
    expect(await sessions()).toBe(before);
  } finally {
    await rehearsal.it.exec(["sh", "-c", "cat >/etc/ssh/ssh_host_ed25519_key && systemctl restart ssh"], { input: good });
  }
});

test("planted secrets are in no log, no inspection, no command line and no environment", async () => {
  const places = await whereSecretsMustNotBe(rehearsal.it);
  expect(Object.keys(places).length).toBeGreaterThan(5);
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, `${place} was looked at`).toBeGreaterThan(0);
    expect(secretsIn(rehearsal.it, text), place).toEqual([]);
  }
});

test("a domain: its certificate comes from the authority that the stack names, and HTTPS answers, by what is verified and by what the world sees", async () => {
  const { docker, ledger, machines, registry, address } = rehearsal.it;
  const domain = "app.berth.test";
  const authority = await AcmeAuthority.start({ docker, ledger, network: machines.network, leads: { domain, address } });
  const proxy = await registry.push(await authority.trustedBy(await ensureImage("caddy", { docker })), "caddy");
  // No resolver knows the name, and browsers do not trust the authority.
  const up = await rehearsal.it.up({ domain, "acme.directory": authority.directory, "acme.staging": true, "acme.checkDns": false, "proxy.image": proxy });
  expect(notPassed(up.report)).toEqual([]);
  expect(up.outside.filter((it) => it.status !== "pass")).toEqual([]);
  // It lives for half a day.
  expect(up.outside.find(({ id }) => id === "probe.certificate")?.seen).toMatch(/^11 hours left, issued by Caddy Local Authority/);
  expect(check(await verify(rehearsal.it), "proxy.certificate").seen).toBe("11 hours left");
});
