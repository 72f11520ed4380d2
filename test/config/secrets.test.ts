import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { generateSecrets } from "../../src/config/generate.ts";
import { publicKey, readPrivateKey } from "../../src/config/keys.ts";
import { Secret } from "../../src/config/secret.ts";

const secrets = generateSecrets();

test("passwords have 256 bits and no character that redis.conf, SQL, a URL or a shell reads as syntax", () => {
  expect(secrets.redisPassword).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(secrets.postgresPassword).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

test("no secret is another, nor the same the next time", () => {
  const all = [...Object.values(secrets), ...Object.values(generateSecrets())];
  expect(new Set(all).size).toBe(8);
});

test("keys are ed25519 in OpenSSH's format, and give their public half", () => {
  expect(secrets.deployKey).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
  expect(publicKey(new Secret(secrets.deployKey))).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA[A-Za-z0-9+/=]+$/);
});

const keygen = spawnSync("ssh-keygen", ["-?"]).error === undefined;
test.runIf(keygen)("OpenSSH itself derives the same public half", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-key-"));
  try {
    const file = join(directory, "key");
    writeFileSync(file, secrets.hostKey, { mode: 0o600 });
    const { stdout } = spawnSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" });
    expect(stdout.split(" ").slice(0, 2).join(" ").trim()).toBe(publicKey(new Secret(secrets.hostKey)));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.each([
  ["", "text that does not begin with -----BEGIN OPENSSH PRIVATE KEY-----"],
  ["ssh-ed25519 AAAA x", "text that does not begin with -----BEGIN OPENSSH PRIVATE KEY-----"],
  [secrets.hostKey.slice(0, 100), "a damaged OpenSSH private key"],
])("what is no key is named, not quoted", (text, expected) => {
  expect(readPrivateKey(text)).toBe(expected);
});

test("publicKey of another secret says so, without it", () => {
  expect(() => publicKey(new Secret("hunter2"))).toThrowErrorMatchingInlineSnapshot(`[Error: cannot derive a public key: required an ed25519 OpenSSH private key; found text that does not begin with -----BEGIN OPENSSH PRIVATE KEY-----]`);
});

test("a secret prints as [secret] in every way", () => {
  const secret = new Secret("hunter2");
  expect([String(secret), JSON.stringify({ secret }), inspect({ secret }), Object.keys(secret).join(), inspect(secret, { showHidden: true })].join(" ")).not.toContain("hunter2");
  expect(secret.reveal()).toBe("hunter2");
});
