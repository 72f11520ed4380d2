import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Docker } from "../../rehearsal/docker/docker.ts";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { ensureImage } from "../../rehearsal/images.ts";
import { kernelHolders } from "../../rehearsal/ledger/kernel-hold.ts";
import { restoreKernel } from "../../rehearsal/ledger/kernel.ts";
import { cleanup, Ledger, leftovers, runs } from "../../rehearsal/ledger.ts";

let docker: Docker;
let image: string;
let cache: string;
let pressure: string;
let others: readonly string[];
const oldCache = process.env["XDG_CACHE_HOME"];

async function readPressure(): Promise<string> {
  return (await readFile("/proc/sys/vm/vfs_cache_pressure", "utf8")).trim();
}

/** The setting as it was; where runs of somebody else were up before the test began, it rightly stays as the test's run set it. */
async function expectRestored(): Promise<void> {
  expect(await readPressure()).toBe(others.length > 0 ? "141" : pressure);
}

/** A run in a process of its own, up to where it has made everything; gives back its id. */
async function startRun(): Promise<{ readonly child: ChildProcess; readonly id: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", "test/rehearsal/machines/fixtures/run.ts", image], { stdio: ["ignore", "pipe", "inherit"] });
  const [id] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, id };
}

function kinds(lines: readonly string[]): string {
  return lines.map((line) => line.split(" ")[0]).join(" ");
}

beforeAll(async () => {
  docker = await reachableDocker();
  image = await ensureImage("redis");
  pressure = await readPressure();
}, 300_000);

// Runs of a cache directory of their own: others that are up meanwhile keep the kernel as they need it.
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "berth-ledger-"));
  process.env["XDG_CACHE_HOME"] = cache;
  others = await kernelHolders();
});

afterEach(async () => {
  for (const id of await runs()) await cleanup(id, docker);
  await rm(cache, { recursive: true, force: true });
});

afterAll(async () => {
  if (oldCache === undefined) delete process.env["XDG_CACHE_HOME"];
  else process.env["XDG_CACHE_HOME"] = oldCache;
  await restoreKernel({ "/proc/sys/vm/vfs_cache_pressure": pressure });
});

test.each([["SIGINT", 130], ["SIGTERM", 143]] as const)("a run that gets %s takes everything back and ends with %i", async (signal, code) => {
  const { child, id } = await startRun();
  expect(kinds(await leftovers(docker, id))).toBe("container network volume loop directory");
  expect(await readPressure()).toBe("141");
  child.kill(signal);
  expect(await once(child, "exit")).toEqual([code, null]);
  expect(await leftovers(docker, id)).toEqual([]);
  await expectRestored();
});

test("what a killed run left, the next one clears away; a living and a kept run stay", async () => {
  const killed = await startRun();
  killed.child.kill("SIGKILL");
  await once(killed.child, "exit");
  expect(kinds(await leftovers(docker, killed.id))).toBe("container network volume loop directory");

  const next = await Ledger.open(docker);
  expect(await leftovers(docker, killed.id)).toEqual([]);
  await expectRestored();

  const other = await Ledger.open(docker);
  expect(await runs()).toEqual([next.id, other.id].toSorted((a, b) => a.localeCompare(b)));
  await other.close();
  await next.close();
  expect(await runs()).toEqual([]);
});

test("kernel settings are put back with the last run, not before", async () => {
  const first = await startRun();
  const second = await Ledger.open(docker);
  await second.close();
  expect(await readPressure()).toBe("141");
  first.child.kill("SIGINT");
  await once(first.child, "exit");
  await expectRestored();
});

test("only an id is cleaned up", async () => {
  await expect(cleanup("../x", docker)).rejects.toThrow('cleaning up run "../x": eight hexadecimal digits are required');
});
