import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { redisOptions, waitForRedisReady } from "berth-runtime";

const directory = mkdtempSync(join(tmpdir(), "berth-tls-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});
const file = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
const options = (env: NodeJS.ProcessEnv) => redisOptions({ NODE_ENV: "production", ...env }, { process: "api", use: "client" });

describe("rediss://", () => {
  test("checks the certificate, by the host's name", () => {
    expect(options({ REDIS_URL: "rediss://:x@eu1.example.net" }).tls).toEqual({ rejectUnauthorized: true, servername: "eu1.example.net" });
  });

  test("by another name where told; an address is no name to send", () => {
    expect(options({ REDIS_URL: "rediss://:x@10.0.0.5", REDIS_SERVER_NAME: "eu1.example.net" }).tls).toMatchObject({ servername: "eu1.example.net" });
    expect(options({ REDIS_URL: "rediss://:x@10.0.0.5" }).tls).toEqual({ rejectUnauthorized: true });
    expect(options({ REDIS_URL: "rediss://:x@[2001:db8::5]" })).toMatchObject({ host: "2001:db8::5", tls: { rejectUnauthorized: true } });
  });

  test("by the provider's own authority", () => {
    expect(options({ REDIS_URL: "rediss://:x@eu1.example.net", REDIS_CA_FILE: file("ca.crt", "PEM") }).tls).toMatchObject({ ca: "PEM" });
  });

  test("an authority that cannot be read stops it", () => {
    expect(() => options({ REDIS_URL: "rediss://:x@eu1.example.net", REDIS_CA_FILE: "/nowhere/ca.crt" })).toThrow("connect to Redis: a readable certificate is required at REDIS_CA_FILE=/nowhere/ca.crt: ENOENT");
  });
});

describe("REDIS_URL_FILE", () => {
  test("holds URL and password, and wins over REDIS_URL", () => {
    const path = file("url", "rediss://app:p%40ss@eu1.example.net:6380/2\n");
    expect(options({ REDIS_URL: "redis://redis:6379", REDIS_URL_FILE: path })).toMatchObject({ host: "eu1.example.net", port: 6380, username: "app", password: "p@ss", db: 2, tls: { servername: "eu1.example.net" } });
  });

  test("what is in it is in no message", () => {
    expect(() => options({ REDIS_URL_FILE: file("bad", "http://app:planted-9Xk2@h") })).toThrow(/^connect to Redis: REDIS_URL is required to be redis:\/\/HOST:PORT or rediss:\/\/HOST:PORT, found something else$/);
    expect(() => options({ REDIS_URL_FILE: join(directory, "missing") })).toThrow(/^read the secret REDIS_URL: a readable file is required/);
  });
});

describe("what waiting does not mend", () => {
  const failing = (code: string, message: string): Promise<void> => {
    // A client that tries again for ever.
    const client = Object.assign(new EventEmitter(), { status: "connecting", options: { retryStrategy: () => 100 } });
    const wait = waitForRedisReady(client, { timeout: 50 });
    client.emit("error", Object.assign(new Error(message), { code }));
    return wait;
  };

  test.each([
    ["CERT_HAS_EXPIRED", "TLS: its certificate has expired; the provider must renew it (CERT_HAS_EXPIRED)"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "TLS: its certificate is signed by no authority that is trusted here; name the provider's own by REDIS_CA_FILE (SELF_SIGNED_CERT_IN_CHAIN)"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "TLS: its certificate is for another name; the host of REDIS_URL must be one it names, or REDIS_SERVER_NAME (ERR_TLS_CERT_ALTNAME_INVALID)"],
  ])("%s is said at once, and what to do", async (code, expected) => {
    await expect(failing(code, "x")).rejects.toThrow(new Error(`Redis connection failed: ${expected}`));
  });

  test("a clock that is behind may be set yet: waited for", async () => {
    await expect(failing("CERT_NOT_YET_VALID", "certificate is not yet valid")).rejects.toThrow("Redis connection failed: certificate is not yet valid");
  });
});
