import { expect, test } from "vitest";
import { z } from "zod";
import { parseYaml } from "../../src/compose/yaml.ts";
import { USER_DATA_LIMIT } from "../../src/config/budgets.ts";
import { parseConfig } from "../../src/config/faults.ts";
import { publicKey } from "../../src/config/keys.ts";
import { cloudInit } from "../../src/host/cloud-init.ts";
import { good } from "../config/good.ts";

const config = parseConfig(good());
const text = cloudInit(config);
const data = z.record(z.string(), z.unknown()).parse(parseYaml(text));

test("cloud-init knows it by its first line, and Hetzner takes its size", () => {
  expect(text.split("\n")[0]).toBe("#cloud-config");
  expect(Buffer.byteLength(text)).toBeLessThan(USER_DATA_LIMIT / 2);
});

test("one account, by key, without a password; root and passwords are shut", () => {
  expect(data).toMatchObject({
    users: [{ name: "deploy", lock_passwd: true, sudo: ["ALL=(ALL) NOPASSWD:ALL"], ssh_authorized_keys: [publicKey(config.secrets.deployKey)] }],
    disable_root: true,
    ssh_pwauth: false,
  });
});

test("the host's key is the stack's, and the image's keys are deleted", () => {
  expect(data).toMatchObject({
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: config.secrets.hostKey.reveal(), ed25519_public: publicKey(config.secrets.hostKey) },
  });
});

test("neither the deploy key's private half nor a password is in it", () => {
  // A key's fourth line is in its private half; the first three are the same for all keys, or public.
  const deployKey = config.secrets.deployKey.reveal().split("\n")[4];
  expect(deployKey).toMatch(/^[A-Za-z0-9+/]{60,}$/);
  const found = [deployKey ?? "", config.secrets.redisPassword?.reveal() ?? "no password", config.secrets.postgresPassword.reveal()].map((secret) => text.includes(secret));
  expect(found).toEqual([false, false, false]);
});

test("it does what only a first boot can, and nothing else", () => {
  expect(Object.keys(data)).toEqual(["users", "disable_root", "ssh_pwauth", "ssh_deletekeys", "ssh_keys", "write_files", "package_update", "packages"]);
  expect(data["packages"]).toEqual(["docker.io", "docker-cli", "docker-compose", "iptables", "nftables", "apparmor", "ca-certificates"]);
});
