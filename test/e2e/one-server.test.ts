import { expect, test } from "vitest";
import { onHost } from "../../src/cli/host.ts";
import { publicKey } from "../../src/config/keys.ts";
import { Secret } from "../../src/config/secret.ts";
import { generateSecrets } from "../../src/config/generate.ts";
import { ask, containerIds, redisClients, secretsIn, verify, whereSecretsMustNotBe } from "../../rehearsal/observe.ts";
import { ensureImage } from "../../rehearsal/images.ts";
import { AcmeAuthority } from "../../rehearsal/provider/acme.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { probe } from "../../src/verify/probe.ts";
import { probeOptions } from "../../src/verify/probe-options.ts";
import type { Check } from "../../src/verify/types.ts";
import { commands, type } from "../helpers/checks/follow.ts";
import { check, notPassed, rehearsed } from "../helpers/deployment.ts";
import { eventually } from "../helpers/hardware.ts";

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

test("a swapped host key stops the deployment before anything is said to the host; the stack that has it too goes on", async () => {
  const sessions = async () => (await rehearsal.it.exec(["journalctl", "--no-pager", "-o", "cat", "-u", "ssh"])).split("\n").filter((line) => line.startsWith("Accepted ")).length;
  const before = await sessions();
  const containers = await containerIds(rehearsal.it);
  const { hostKey } = generateSecrets();
  // As docs/configuration.md gives a server another one.
  await rehearsal.it.exec(["sh", "-c", "cat >/etc/ssh/ssh_host_ed25519_key && ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key >/etc/ssh/ssh_host_ed25519_key.pub && systemctl reload ssh"], { input: hostKey });
  await expect(rehearsal.it.up({ "api.processes": false })).rejects.toThrow(/host key/i);
  expect(await sessions()).toBe(before);
  const up = await rehearsal.it.up({ "api.processes": false, "secrets.hostKey": hostKey });
  expect(notPassed(up.report)).toEqual([]);
  const kept = Object.entries(await containerIds(rehearsal.it)).filter(([service, id]) => containers[service] === id);
  expect(kept.map(([service]) => service), "secret files are named by this key").toEqual(["proxy"]);
});

test("planted secrets are in no log, no inspection, no command line and no environment", async () => {
  const places = await whereSecretsMustNotBe(rehearsal.it);
  expect(Object.keys(places).length).toBeGreaterThan(5);
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, `${place} was looked at`).toBeGreaterThan(0);
    expect(secretsIn(rehearsal.it, text), place).toEqual([]);
  }
});

const DOMAIN = "app.berth.test";
let authority: AcmeAuthority | undefined;

test("a domain: its certificate comes from the authority that the stack names, and HTTPS answers, by what is verified and by what the world sees", async () => {
  const { docker, ledger, machines, registry, address } = rehearsal.it;
  authority = await AcmeAuthority.start({ docker, ledger, network: machines.network, leads: { domain: DOMAIN, address } });
  const proxy = await registry.push(await authority.trustedBy(await ensureImage("caddy", { docker })), "caddy");
  // No resolver knows the name, and browsers do not trust the authority.
  const acme = { "acme.directory": authority.directory, "acme.staging": true, "acme.checkDns": false };
  // What is told stays on the server; by itself only after this file is over.
  const up = await rehearsal.it.up({ domain: DOMAIN, ...acme, "proxy.image": proxy, "alert.command": ["sh", "-c", "cat >>/run/told"], "alert.everyMinutes": 1_440 });
  expect(notPassed(up.report)).toEqual([]);
  expect(up.outside.filter((it) => it.status !== "pass")).toEqual([]);
  // It lives for half a day.
  expect(up.outside.find(({ id }) => id === "probe.certificate")?.seen).toMatch(/^11 hours left, issued by Caddy Local Authority/);
  expect(check(await verify(rehearsal.it), "proxy.certificate").seen).toBe("11 hours left");
});

test("a certificate that is not renewed: told with 10 days left, failing with 5 from inside and outside; the authority is back, its advice typed: a new one", async () => {
  const { it } = rehearsal;
  if (authority === undefined) throw new Error("the test before this one starts the authority");
  const fromOutside = async (): Promise<Check> => {
    const told = { BERTH_PROBE_ADDRESS: it.address, BERTH_PROBE_DOMAIN: DOMAIN, BERTH_PROBE_ACME_STAGING: "true" };
    return check({ checks: await probe({ ...probeOptions(told), patienceMs: 20_000 }) }, "probe.certificate");
  };
  await authority.goesAway();
  await servesOld(it, 10);
  await it.exec(["systemctl", "start", "berth-watch.service"], { timeoutMs: 120_000 });
  await servesOld(it, 5);
  const report = await verify(it);
  const [inside, outside] = [check(report, "proxy.certificate"), await fromOutside()];
  expect(notPassed(report)).toEqual(["proxy.certificate"]);
  expect(inside).toMatchObject({ status: "fail", cause: "host", seen: "4 days left" });
  expect(outside).toMatchObject({ status: "fail", seen: `4 days left, issued by ${DOMAIN}` });

  // What Caddy does by itself in the end; DNS, ports and the authority are what its log is read for.
  await authority.comesBack();
  expect(commands(outside.advice)).toEqual(commands(inside.advice));
  for (const command of commands(inside.advice)) await type(it, command);
  await proxyIsHealthy(it);
  await eventually("a new certificate", 60_000, async () => (await fromOutside()).status === "pass");
  await it.exec(["systemctl", "start", "berth-watch.service"], { timeoutMs: 120_000 });
  expect(check(await verify(it), "proxy.certificate")).toMatchObject({ status: "pass", seen: "11 hours left" });
  const told = (await it.exec(["cat", "/run/told"])).trim().split("\n").map((line) => JSON.parse(line) as object);
  expect(told).toEqual([
    expect.objectContaining({ event: "warned", begun: ["proxy.certificate"], ended: [], text: "berth-rehearsal: proxy.certificate warns: 9 days left (it should have been renewed by now: `berth logs proxy`)" }),
    expect.objectContaining({ event: "recovered", begun: [], ended: ["proxy.certificate"], text: "berth-rehearsal: proxy.certificate is well again" }),
  ]);
});

/**
 * In the place of the one that Caddy keeps, a certificate of 90 days that has these left, as there is one after weeks in which no authority could be
 * reached: with the same key, and signed by itself, which a staging authority's browsers trust as little.
 */
async function servesOld(it: Rehearsal, days: number): Promise<void> {
  const script = `cd "$(dirname "$(find /mnt/berth/caddy -name ${DOMAIN}.crt)")"
    day() { date -u -d "$1 days" +%Y%m%d%H%M%SZ; }
    openssl req -x509 -key ${DOMAIN}.key -subj /CN=${DOMAIN} -addext subjectAltName=DNS:${DOMAIN} -not_before "$(day -${90 - days})" -not_after "$(day +${days})" -out /run/old.crt
    cat /run/old.crt >${DOMAIN}.crt
    docker restart berth-proxy-1`;
  await it.exec(["sh", "-euc", script], { timeoutMs: 60_000 });
  await proxyIsHealthy(it);
}

async function proxyIsHealthy(it: Rehearsal): Promise<void> {
  await eventually("the proxy is healthy", 60_000, async () => (await it.exec(["docker", "inspect", "--format", "{{.State.Health.Status}}", "berth-proxy-1"])).trim() === "healthy");
}
