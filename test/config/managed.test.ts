import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { memoryDemand } from "../../src/config/budgets.ts";
import { ConfigError, parseConfig } from "../../src/config/faults.ts";
import { isPrivate, readRedisUrl } from "../../src/config/managed.ts";
import { spoilt } from "./good.ts";

const URL = "rediss://app:planted-9Xk2@redis.example.net:6380";
/** A stack with a managed Redis, changed at dotted paths. */
const managed = (changes: Readonly<Record<string, unknown>> = {}) =>
  spoilt({ "secrets.redisPassword": undefined, "secrets.redisUrl": URL, "redis.managed.connections": 100, ...changes });

function faults(input: unknown): string[] {
  try {
    parseConfig(input);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n").slice(0, -1);
    throw error;
  }
}

describe("a managed Redis", () => {
  test("has no memory of its own here, and is bounded by the provider's plan", () => {
    const config = parseConfig(managed());
    expect([...memoryDemand(config).keys()]).toEqual(["postgres", "api", "worker", "proxy", "verify"]);
    expect(faults(managed({ "redis.managed.connections": 27 }))).toEqual([
      "redis.connectionCeiling: required at most 11 (redis.managed.connections 27 less 16 for health checks, the verifier and a person); found 12 (three a queue a process, for 2 queues)",
    ]);
    expect(faults(managed({ "redis.managed.connections": 28 }))).toEqual([]);
  });

  test("its secret prints as no secret does", () => {
    expect(JSON.stringify(parseConfig(managed()))).not.toContain("planted-9Xk2");
  });

  test.each([
    ["both Redises", { "secrets.redisPassword": "own-password" }, [
      "secrets.redisPassword: required nothing beside secrets.redisUrl, which holds the managed Redis's own password (`npx pulumi config rm --path berth:secrets.redisPassword`), or no secrets.redisUrl; found both",
    ]],
    ["neither", { "secrets.redisUrl": undefined, "redis.managed.connections": undefined }, [
      "secrets.redisPassword: required a password for Berth's own Redis (or secrets.redisUrl, for a managed one); found nothing",
    ]],
    ["settings of a Redis that is not there", { "redis.memoryMb": 1024, "redis.appendfsync": "always" }, [
      "redis.memoryMb: required not to be set beside secrets.redisUrl: it is about Berth's own Redis, and the managed one has its provider's; found 1024",
      'redis.appendfsync: required not to be set beside secrets.redisUrl: it is about Berth\'s own Redis, and the managed one has its provider\'s; found "always"',
    ]],
    ["no word of the plan", { "redis.managed.connections": undefined }, [
      "redis.managed.connections: required how many connections the provider's plan allows: the application's budget is held against it; found nothing",
    ]],
    ["plaintext over the internet", { "secrets.redisUrl": "redis://:planted-9Xk2@redis.example.net" }, [
      "secrets.redisUrl: required rediss:// (or redis.managed.plaintext: true, in so many words): redis:// sends the password and every job unencrypted; found redis:// to a host that is not on a private network",
    ]],
    ["no password", { "secrets.redisUrl": "rediss://redis.example.net" }, [
      "secrets.redisUrl: required a password in the URL: a Redis without one is anybody's who reaches it; found a URL without a password",
    ]],
    ["the container itself", { "secrets.redisUrl": "rediss://:planted-9Xk2@localhost:6380" }, [
      "secrets.redisUrl: required the managed Redis's host; found localhost, which in a container is the container itself",
    ]],
    ["a certificate without TLS", { "secrets.redisUrl": "redis://:planted-9Xk2@10.0.0.5", "redis.managed.serverName": "redis.example.net" }, [
      "redis.managed.serverName: required rediss:// in secrets.redisUrl: without TLS there is no certificate to check; found redis://",
    ]],
    ["another address for the application", { "app.env": { REDIS_URL: "redis://other:6379" } }, [
      "app.env.REDIS_URL: required nothing beside secrets.redisUrl, which Berth hands to the application; found another way to a Redis",
    ]],
    ["no certificate", { "redis.managed.caCertificate": "hello" }, [
      "redis.managed.caCertificate: required the provider's CA certificate in PEM, -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----; found text without a certificate",
    ]],
    ["a damaged certificate", { "redis.managed.caCertificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" }, [
      "redis.managed.caCertificate: required the provider's CA certificate in PEM, -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----; found a damaged certificate",
    ]],
    ["the authority's private key", { "redis.managed.caCertificate": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----" }, [
      "redis.managed.caCertificate: required the provider's CA certificate in PEM, -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----; found a private key (not shown)",
    ]],
  ])("%s: refused", (_, changes, expected) => {
    expect(faults(managed(changes))).toEqual(expected);
  });

  test.each([
    ["plaintext that is said", { "secrets.redisUrl": "redis://:planted-9Xk2@redis.example.net", "redis.managed.plaintext": true }],
    ["plaintext on a private network", { "secrets.redisUrl": "redis://:planted-9Xk2@10.0.0.5:6379" }],
    ["a large maxmemory's volume is not asked for", { "volume.sizeGb": 10, "app.startupSeconds": 30 }],
  ])("%s: taken", (_, changes) => {
    expect(faults(managed(changes))).toEqual([]);
  });

  test("an authority made by openssl is taken, two of them too", () => {
    const pem = execFileSync("openssl", ["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "1", "-subj", "/CN=x", "-keyout", "/dev/null"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    expect(faults(managed({ "redis.managed.caCertificate": pem }))).toEqual([]);
    expect(faults(managed({ "redis.managed.caCertificate": pem + pem }))).toEqual([]);
  });

  test("no fault quotes the URL or its password, wherever that stands", () => {
    const said = faults(managed({ "secrets.redisUrl": "http://app:planted-9Xk2@redis.example.net", "app.image": "app:planted-9Xk2 " })).join("\n");
    expect(said).toContain("secrets.redisUrl: required rediss://USER:PASSWORD@HOST:PORT; found a text that does not begin with rediss:// or redis://");
    expect(said).not.toContain("planted-9Xk2");
  });
});

test("Berth's own Redis takes no setting of a managed one", () => {
  expect(faults(spoilt({ "redis.managed.persistence": "none", "redis.managed.plaintext": true }))).toEqual([
    'redis.managed.persistence: required not to be set without secrets.redisUrl: it is about a managed Redis, and this is Berth\'s own; found "none"',
    "redis.managed.plaintext: required not to be set without secrets.redisUrl: it is about a managed Redis, and this is Berth's own; found true",
  ]);
});

test.each([
  ["rediss://app:p%40ss@eu1.example.net:6380/3", { host: "eu1.example.net", port: 6380, tls: true, hasPassword: true }],
  ["redis://[fd00::5]", { host: "fd00::5", port: 6379, tls: false, hasPassword: false }],
  ["rediss://us%er:pw@eu1.example.net", "a URL with a % that begins no %XX (write % as %25)"],
  ["rediss://app:p%w@eu1.example.net", "a URL with a % that begins no %XX (write % as %25)"],
  ["rediss://app:pw@eu1.example.net:0", "a URL with port 0, which nobody listens on"],
  ["valkeys://x", "a text that does not begin with rediss:// or redis://"],
  ["rediss://", "a URL without a host"],
  ["rediss://:a/b@h:port", "a URL that cannot be read (special characters of a password are written %XX)"],
  ["rediss://:a@h/name", "a URL whose path is not the number of a database"],
  ["rediss://:a@h?tls=1", "a URL with ? or # in it (as part of a password: %3F, %23)"],
  ["rediss://:50%@h", "a URL with a % that begins no %XX (write % as %25)"],
])("reading %s", (url, expected) => {
  expect(readRedisUrl(url)).toEqual(expected);
});

test("private is what only a private network leads to", () => {
  const hosts = ["10.1.2.3", "172.16.0.1", "172.32.0.1", "192.168.1.1", "100.64.0.9", "100.128.0.1", "8.8.8.8", "fd12::1", "2001:db8::1", "redis.internal", "redis.example.net"];
  expect(hosts.filter(isPrivate)).toEqual(["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.9", "fd12::1", "redis.internal"]);
});
