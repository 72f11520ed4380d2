import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleVerifier, type Verifier } from "../../src/verify/bundle.ts";
import type { Report } from "../../src/verify/types.ts";
import { EXPECTATIONS } from "./healthy.ts";

const directory = mkdtempSync(join(tmpdir(), "berth-bundle-"));
const program = join(directory, "verify.mjs");
let verifier: Verifier;
beforeAll(async () => {
  verifier = await bundleVerifier();
  writeFileSync(program, verifier.text);
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

test("the same sources give the same bytes, under 700 KB, without a path of this machine", async () => {
  expect((await bundleVerifier()).digest).toBe(verifier.digest);
  expect(createHash("sha256").update(verifier.text).digest("hex")).toBe(verifier.digest);
  expect(Buffer.byteLength(verifier.text)).toBeLessThan(700_000);
  expect(verifier.text).not.toContain(import.meta.dirname.replace(/test.verify$/, ""));
});

test("asks for nothing but Node's own modules", () => {
  const asked = [...verifier.text.matchAll(/(?:\bfrom|\bimport)\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.filter((name) => !builtinModules.includes(name.replace(/^node:/, "")))).toEqual([]);
  // What is required at run time is the same: the tests below run it where there is no node_modules.
  execFileSync(process.execPath, ["--check", program]);
});

function run(...args: string[]): { code: number | null; report: Report; table: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: directory, input: "", encoding: "utf8", timeout: 15_000 });
  return { code: status, report: JSON.parse(stdout) as Report, table: stderr };
}

test("without expectations it still reports, and blames the release", () => {
  const { code, report, table } = run(join(directory, "none.json"));
  expect([code, report.verdict, report.cause, report.checks.map(({ id }) => id)]).toEqual([10, "fail", "release", ["verify.run"]]);
  expect(table).toContain("ENOENT");
});

test("expectations of another version: the key that is missing is named", () => {
  const path = join(directory, "old.json");
  writeFileSync(path, JSON.stringify({ ...EXPECTATIONS, volume: { mount: "/mnt/berth" } }));
  expect(run(path).report.checks[0]?.seen).toBe("reading the release's expectations: required: volume.id; found: nothing; render the release again");
});

test("nobody there at all: every check is judged, within the window", () => {
  const path = join(directory, "nobody.json");
  const nowhere = { ...EXPECTATIONS.redis, url: "redis://127.0.0.1:1" };
  writeFileSync(path, JSON.stringify({
    ...EXPECTATIONS, settleSeconds: 1, redis: nowhere, postgres: { ...EXPECTATIONS.postgres, host: "127.0.0.1", port: 1 }, api: { ...EXPECTATIONS.api, url: "http://127.0.0.1:1" },
  }));
  const { code, report } = run(path, join(directory, "settled"));
  expect(code).toBe(10);
  const seen = new Map(report.checks.map((check) => [check.id, check.seen]));
  expect(seen.get("redis.ready")).toContain("Redis connection failed: connect ECONNREFUSED 127.0.0.1:1");
  expect(seen.get("redis.save")).toContain("Redis was not ready");
  expect(seen.get("postgres.ready")).toContain("ECONNREFUSED");
  expect(seen.get("app.ready")).toContain("ECONNREFUSED");
  expect(report.checks.filter(({ status, id }) => status === "pass" && id !== "exposure.metadata")).toEqual([]);
});
