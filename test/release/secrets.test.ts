import { expect, test } from "vitest";
import { secretAddresses, sha256 } from "../../src/release/addresses.ts";
import { secretFiles } from "../../src/release/secrets.ts";
import { stack } from "../helpers/stack.ts";

const files = secretFiles(stack({ secrets: { registryPassword: "token", app: { SMTP_PASSWORD: "line\nline" } }, registry: { server: "ghcr.io", username: "bot" } }));

test("one file per reader, owned by the uid that reads it, readable by no one else", () => {
  const owners = files.entries.map(({ path, mode, uid, gid }) => `${path.replace(/-[0-9a-f]{12}$/, "")} ${mode} ${uid}:${gid}`);
  expect(owners).toMatchInlineSnapshot(`
    [
      "/opt/berth/secrets/redis-auth.conf 0400 999:999",
      "/opt/berth/secrets/redis-password 0400 999:999",
      "/opt/berth/secrets/postgres-password 0400 999:999",
      "/opt/berth/secrets/app-redis_password 0400 1000:1000",
      "/opt/berth/secrets/app-postgres_password 0400 1000:1000",
      "/opt/berth/secrets/app-SMTP_PASSWORD 0400 1000:1000",
      "/opt/berth/secrets/registry-password 0400 0:0",
    ]
  `);
});

test("a password's file holds the value and nothing more", () => {
  const texts = Object.fromEntries(files.entries.map(({ path, text }) => [path.replace(/^.*\/|-[0-9a-f]{12}$/g, ""), text]));
  expect(texts).toMatchObject({ "redis-password": "redis-pass", "app-postgres_password": "postgres-pass", "app-SMTP_PASSWORD": "line\nline", "redis-auth.conf": 'requirepass "redis-pass"\n' });
});

test("the application's files, by their names under /run/secrets", () => {
  expect(Object.keys(files.app)).toEqual(["redis_password", "postgres_password", "SMTP_PASSWORD"]);
});

test("without a registry there is no file for its password", () => {
  expect(secretFiles(stack()).registryPassword).toBeNull();
});

test("a name tells nothing of a short secret to who does not hold the host key", () => {
  const name = secretAddresses("host key")("redis-password", 999, "1234");
  const guesses = ["1234", '["redis-password",999,"1234"]', "redis-password1234"].map((guess) => sha256(guess).slice(0, 12));
  for (const guess of guesses) expect(name).not.toContain(guess);
  expect(secretAddresses("another key")("redis-password", 999, "1234")).not.toBe(name);
});

test("another value, owner or name is another file; the same is the same", () => {
  const address = secretAddresses("k");
  const paths = [address("a", 1, "x"), address("a", 1, "y"), address("a", 2, "x"), address("b", 1, "x")];
  expect(new Set(paths).size).toBe(4);
  expect(secretAddresses("k")("a", 1, "x")).toBe(paths[0]);
});
