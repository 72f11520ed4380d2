import { createServer, type Server } from "node:http";
import { connect, createServer as createTcp } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { hostClock, probeCertificate, probeOpen } from "../../src/verify/checks/outside.ts";
import { known, notKnown } from "../../src/verify/fact.ts";
import { probe } from "../../src/verify/probe.ts";
import { probeOptions } from "../../src/verify/probe-options.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A proxy on a free port: what each path answers, and by how much its clock is off. */
async function proxy(paths: Record<string, number>, offMs = 0): Promise<number> {
  const server = createServer((request, response) => {
    response.setHeader("date", new Date(Date.now() + offMs).toUTCString());
    response.writeHead(paths[request.url ?? ""] ?? 404).end();
  });
  servers.push(server);
  return listening(server);
}

function listening(server: ReturnType<typeof createTcp>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createTcp();
  const port = await listening(server);
  await new Promise((resolve) => { server.close(resolve); });
  expect(await new Promise((resolve) => connect(port, "127.0.0.1").once("error", () => { resolve("refused"); }))).toBe("refused");
  return port;
}

async function probed(httpPort: number, more: Partial<Parameters<typeof probe>[0]> = {}): Promise<Record<string, string>> {
  const checks = await probe({ address: "127.0.0.1", httpPort, readyPath: "/readyz", open: [httpPort], closed: [await freePort()], patienceMs: 0, ...more });
  return Object.fromEntries(checks.map(({ id, status }) => [id, status]));
}

const HEALTHY = { "probe.open": "pass", "probe.closed": "pass", "probe.ready": "pass", "probe.operators": "pass", "host.clock": "pass" };

describe("probe over HTTP", () => {
  test("a healthy server", async () => {
    expect(await probed(await proxy({ "/readyz": 200 }))).toEqual(HEALTHY);
  });
  test("a port that should be closed is open, one that should be open is closed", async () => {
    const port = await proxy({ "/readyz": 200 });
    expect(await probed(port, { closed: [port] })).toEqual({ ...HEALTHY, "probe.closed": "fail" });
    expect(await probed(port, { open: [await freePort()] })).toEqual({ ...HEALTHY, "probe.open": "fail" });
  });
  test("the API is not ready", async () => {
    expect(await probed(await proxy({ "/readyz": 503 }))).toEqual({ ...HEALTHY, "probe.ready": "fail" });
  });
  test("the operators' paths are passed on: what to type has the project's container and, of several nodes, the proxy's", async () => {
    const port = await proxy({ "/readyz": 200, "/ops/queue": 200 });
    expect(await probed(port)).toEqual({ ...HEALTHY, "probe.operators": "fail" });
    const checks = await probe({ address: "127.0.0.1", httpPort: port, readyPath: "/readyz", open: [port], closed: [], patienceMs: 0, project: "shop", node: "front" });
    expect(checks.find(({ id }) => id === "probe.operators")?.advice).toContain("`berth ssh --node=front -- sudo docker stop shop-proxy-1`");
  });
  test.each([-9000, 9000])("the clock is off by %s ms", async (off) => {
    expect(await probed(await proxy({ "/readyz": 200 }, off))).toEqual({ ...HEALTHY, "host.clock": "fail" });
  });
  test("nobody answers", async () => {
    expect(await probed(await freePort())).toMatchObject({ "probe.open": "fail", "probe.ready": "fail", "probe.operators": "unknown", "host.clock": "unknown" });
  });
  test("a proxy that comes late is waited for", async () => {
    let ready = false;
    const server = createServer((request, response) => { response.writeHead(request.url === "/readyz" && ready ? 200 : 404).end(); });
    servers.push(server);
    const port = await listening(server);
    setTimeout(() => { ready = true; }, 300);
    expect(await probed(port, { patienceMs: 5000 })).toMatchObject({ "probe.ready": "pass" });
  });
  test("HTTPS to a port that speaks none: the certificate fails, nothing hangs", async () => {
    const port = await proxy({});
    expect(await probed(port, { domain: "shop.example", httpsPort: port })).toMatchObject({ "probe.ready": "fail", "probe.certificate": "fail" });
  });
});

describe("probe.certificate", () => {
  const now = Date.parse("2026-11-01T00:00:00Z");
  const certificate = (validTo: string, fault?: string, validFrom = "") => known({ fault, validFrom, validTo, issuer: "Let's Encrypt" });
  test.each([
    ["valid for long", certificate("Jan 20 00:00:00 2027 GMT"), false, "pass", undefined],
    ["soon to end", certificate("Nov 11 00:00:00 2026 GMT"), false, "pass", "it should have been renewed by now"],
    ["about to end", certificate("Nov  6 00:00:00 2026 GMT"), false, "fail", undefined],
    ["of half a day, new", certificate("Nov  1 11:00:00 2026 GMT", undefined, "Oct 31 23:00:00 2026 GMT"), false, "pass", undefined],
    ["of half a day, late", certificate("Nov  1 01:30:00 2026 GMT", undefined, "Oct 31 13:30:00 2026 GMT"), false, "pass", "it should have been renewed by now"],
    ["of six days, in its last hours", certificate("Nov  1 10:00:00 2026 GMT", undefined, "Oct 26 10:00:00 2026 GMT"), false, "fail", undefined],
    ["ended", certificate("Oct  6 00:00:00 2026 GMT"), false, "fail", undefined],
    ["without a date", certificate(""), false, "fail", undefined],
    ["not trusted", certificate("Jan 20 00:00:00 2027 GMT", "self-signed certificate"), false, "fail", undefined],
    ["of staging", certificate("Jan 20 00:00:00 2027 GMT", "unable to get issuer"), true, "pass", "of a staging authority (acme.staging): browsers do not trust it"],
    ["not there", notKnown("ECONNREFUSED"), false, "fail", undefined],
  ] as const)("%s", (_, fact, untrusted, status, warning) => {
    const check = probeCertificate(fact, "shop.example", now, untrusted);
    expect([check.status, check.warning]).toEqual([status, warning]);
  });
});

test("host.clock: the Date header's second is met in its middle", () => {
  const at = Date.parse("2026-11-01T00:00:10Z");
  const check = hostClock(known({ status: 200, date: "Sun, 01 Nov 2026 00:00:04 GMT", sentAt: at - 1500, heardAt: at + 500 }));
  expect([check.status, check.seen]).toEqual(["pass", "5.0 s behind this machine's"]);
  expect(hostClock(known({ status: 200, date: undefined, sentAt: at, heardAt: at })).status).toBe("unknown");
});

describe("IPv6", () => {
  const four = { address: "203.0.113.5", port: 80, state: "open", detail: "open" } as const;
  const six = (detail: string) => ({ address: "2001:db8::1", port: 80, state: "refused", detail }) as const;
  test("where this machine has no route to it, it was not looked at, and that is said", () => {
    const check = probeOpen([four, six("ENETUNREACH")]);
    expect([check.status, check.seen, check.warning]).toEqual(["pass", "open: 203.0.113.5:80", "IPv6 was not looked at: this machine has no route to it"]);
  });
  test("a server that refuses over IPv6 fails", () => {
    const check = probeOpen([four, six("ECONNREFUSED")]);
    expect([check.status, check.seen]).toEqual(["fail", "[2001:db8::1]:80 ECONNREFUSED"]);
  });
});

describe("probeOptions", () => {
  test("plain HTTP: HTTPS is to be closed", () => {
    expect(probeOptions({ BERTH_PROBE_ADDRESS: "203.0.113.5", BERTH_PROBE_DOMAIN: "" })).toEqual({
      address: "203.0.113.5", readyPath: "/readyz", open: [22, 80], closed: [6379, 5432, 2375, 2376, 2377, 3000, 443], untrustedCertificate: false,
    });
  });
  test("a domain", () => {
    const environment = { BERTH_PROBE_ADDRESS: "203.0.113.5", BERTH_PROBE_ADDRESS6: "2001:db8::1", BERTH_PROBE_DOMAIN: "shop.example", BERTH_PROBE_READY_PATH: "/up", BERTH_PROBE_APP_PORT: "8080", BERTH_PROBE_ACME_STAGING: "true", BERTH_PROBE_PROJECT: "shop", BERTH_PROBE_NODE: "front" };
    expect(probeOptions(environment)).toEqual({
      address: "203.0.113.5", address6: "2001:db8::1", domain: "shop.example", readyPath: "/up", open: [22, 80, 443], closed: [6379, 5432, 2375, 2376, 2377, 8080], untrustedCertificate: true, project: "shop", node: "front",
    });
  });
  test("an API that listens on 80 inside its container: the proxy's 80 is open, and not closed too", () => {
    expect(probeOptions({ BERTH_PROBE_ADDRESS: "203.0.113.5", BERTH_PROBE_APP_PORT: "80" })).toMatchObject({ open: [22, 80], closed: [6379, 5432, 2375, 2376, 2377, 443] });
    expect(() => probeOptions({ BERTH_PROBE_ADDRESS: "203.0.113.5", BERTH_PROBE_APP_PORT: "http" })).toThrow("required: a port in BERTH_PROBE_APP_PORT; found: http");
  });
  test("no address", () => {
    expect(() => probeOptions({})).toThrow("probing the server: required: its address in BERTH_PROBE_ADDRESS; found: none");
  });
});
