import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { builtOnce, ROOT } from "../src/built-once.mjs";

const directory = mkdtempSync(join(tmpdir(), "berth-built-"));
const entry = join(directory, "entry.ts");
const name = `test-${process.pid}`;
const cache = join(ROOT, "node_modules/.cache/berth");
const build = () => builtOnce(name, { entryPoints: [entry], bundle: true, format: "esm", logLevel: "silent" });
afterAll(() => {
  rmSync(directory, { recursive: true });
  for (const file of [manifest().file, join(cache, `${name}.json`)]) rmSync(file);
});

function manifest(): { readonly file: string; readonly sources: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(join(cache, `${name}.json`), "utf8")) as { file: string; sources: Record<string, string> };
}

test("a bundle is built again exactly when a source, the options or the kept file changed", async () => {
  writeFileSync(join(directory, "part.ts"), "export const part: number = 1;");
  writeFileSync(entry, 'export { part } from "./part.ts";');
  const first = await build();
  expect([first.built, (await build()).built]).toEqual([true, false]);

  writeFileSync(join(directory, "part.ts"), "export const part: number = 2;");
  const second = await build();
  expect([second.built, second.text.includes("part = 2"), second.file === first.file]).toEqual([true, true, false]);

  writeFileSync(second.file, "damaged");
  expect(await build()).toEqual({ ...second, built: true });
  expect((await builtOnce(name, { entryPoints: [entry], bundle: true, format: "esm", minify: true })).built).toBe(true);
});

test("a source that does not build is esbuild's error, and the next one that does is built", async () => {
  writeFileSync(entry, "export const = 1;");
  await expect(build()).rejects.toThrow(/entry\.ts:1:13: ERROR/);
  writeFileSync(entry, "export const mended = 1;");
  expect((await build()).text).toContain("mended = 1");
});

/** A start that falls back to reading every source would pass every other test, slowly. */
test("what Pulumi starts is the bundle of index.ts, with stack traces that name the sources", () => {
  const { status, stderr } = spawnSync(process.execPath, ["src/start.mjs"], { cwd: ROOT, encoding: "utf8", timeout: 60_000 });
  expect([status === 0, stderr.includes("could not be bundled")]).toEqual([false, false]);
  const bundle = JSON.parse(readFileSync(join(cache, "program.json"), "utf8")) as ReturnType<typeof manifest>;
  expect(Object.keys(bundle.sources)).toEqual(expect.arrayContaining(["src/index.ts", "src/resources/reach.ts"]));
  expect(stderr).toMatch(/src\/config\/load\.ts:\d+/);
});
