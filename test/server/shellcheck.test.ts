import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SERVER = join(import.meta.dirname, "../../server");
const missing = spawnSync("shellcheck", ["--version"]).error !== undefined;

test.skipIf(missing)(`the scripts satisfy shellcheck${missing ? " (skipped: it is not installed here; apt-get install shellcheck)" : ""}`, () => {
  const whole = spawnSync("shellcheck", ["--external-sources", "--check-sourced", "berth"], { cwd: SERVER, encoding: "utf8" });
  expect(whole.stdout).toBe("");
  const each = spawnSync("shellcheck", readdirSync(SERVER).filter((name) => !name.endsWith(".py")), { cwd: SERVER, encoding: "utf8" });
  expect(each.stdout).toBe("");
}, 120_000);

test("each part is loaded by the entry, and each that it loads is there", () => {
  const loaded = [...readFileSync(join(SERVER, "berth"), "utf8").matchAll(/^\. "\$HERE\/([a-z]+\.sh)"$/gm)].map((match) => match[1]);
  expect(new Set(loaded)).toEqual(new Set(readdirSync(SERVER).filter((name) => name.endsWith(".sh"))));
});
