import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Bull, { type Job } from "bull";
import { runCanary } from "berth-runtime";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { AppProcess } from "../helpers/app-process.ts";
import { RedisObserver } from "../helpers/redis-observer.ts";
import { freePort, type RunningService, startRedis } from "../helpers/services.ts";

/** The example of docs/application.md, as it stands there. */
const root = join(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "berth-example-"));
let redis: RunningService;
let observer: RedisObserver;
let example: AppProcess | undefined;

beforeAll(async () => {
  const text = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "docs/application.md"), "utf8"))?.[1];
  if (text === undefined) throw new Error("docs/application.md has no example");
  await build({
    stdin: { contents: text, resolveDir: join(root, "app"), loader: "ts" },
    outfile: join(directory, "example.mjs"),
    bundle: true, platform: "node", format: "esm", target: "node20", external: ["msgpackr-extract"], tsconfigRaw: "{}", logLevel: "silent",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
  redis = await startRedis();
  observer = new RedisObserver(redis.url);
});
afterAll(async () => {
  if (example?.alive === true) await example.stop("SIGKILL");
  observer?.close();
  await redis?.stop();
  rmSync(directory, { recursive: true, force: true });
});

test("keeps every promise: ready, three connections, a heartbeat, a canary, an orderly end", async () => {
  const port = await freePort();
  const env = { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", PORT: String(port), REDIS_URL: redis.url, BERTH_HEALTH_FILE: join(directory, "alive") };
  example = new AppProcess(spawn(process.execPath, ["example.mjs"], { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] }), `http://127.0.0.1:${port}`);
  const it = example;
  await expect.poll(() => (it.alive ? it.status("/readyz") : it.output), { timeout: 20_000 }).toBe(200);
  expect(await it.status("/healthz")).toBe(200);
  await expect.poll(() => observer.names(), { timeout: 5_000 }).toEqual(["app:client:thumbnail", "app:subscriber:thumbnail", "bull:dGh1bWJuYWls"]);
  await expect.poll(() => observer.redis.ttl("berth:heartbeat:worker"), { timeout: 5_000 }).toBeGreaterThan(80);
  expect(await it.post("/ops/canary")).toMatchObject({ status: 200, body: { queues: { thumbnail: { ok: true } } } });
  expect(await it.stop("SIGTERM")).toBe(0);
  await expect.poll(() => observer.names(), { timeout: 5_000 }).toEqual([]);
});

test("a canary leaves the finished jobs of others alone, whatever the queue's own retention, and in the end nothing of its own", async () => {
  // Retention that would take every job of the others with the canary.
  const queue = new Bull<{ ends?: "well" | "badly" }>("kept", redis.url, { defaultJobOptions: { removeOnComplete: { age: 3600, count: 1 }, removeOnFail: { age: 3600, count: 1 } } });
  let [hold, release] = [Promise.resolve(), () => undefined as void];
  // Without withCanary: a canary is a job like any other, and fails.
  void queue.process(async ({ data }: Job<{ ends?: "well" | "badly" }>) => {
    if (data.ends === "well") return;
    if (data.ends === undefined) await hold;
    throw new Error("planted");
  });
  onTestFinished(async () => { await queue.close(); });
  const keep = { removeOnComplete: false, removeOnFail: false };
  for (const ends of ["well", "well", "badly", "badly"] as const) await queue.add({ ends }, keep);
  const kept = async () => [await queue.getCompletedCount(), await queue.getFailedCount()];
  await expect.poll(kept, { timeout: 10_000 }).toEqual([2, 2]);
  // Two hours pass: Bull judges by these scores.
  for (const set of ["completed", "failed"]) for (const id of await observer.redis.zrange(`bull:kept:${set}`, 0, -1)) await observer.redis.zincrby(`bull:kept:${set}`, -7_200_000, id);

  const refused = await runCanary([queue]);
  expect(refused.queues["kept"]?.reason).toMatch(/^a worker took the canary and failed it/);
  expect(await kept(), "after one that failed").toEqual([2, 2]);

  hold = new Promise((resolve) => { release = resolve; });
  expect((await runCanary([queue], { timeoutMs: 200 })).queues["kept"]).toMatchObject({ ok: false });
  release();
  await expect.poll(kept, { timeout: 10_000, message: "a worker held it: it could not be removed" }).toEqual([2, 3]);
  hold = Promise.resolve();
  await runCanary([queue]);
  expect(await kept(), "a later run removes it").toEqual([2, 2]);
  expect(await observer.redis.keys("berth:canaries:*")).toEqual([]);
});

test("a canary that comes back leaves the finished jobs of others alone", async () => {
  const queue = new Bull("good", redis.url, { defaultJobOptions: { removeOnComplete: { age: 3600, count: 1 } } });
  void queue.process(() => Promise.resolve());
  onTestFinished(async () => { await queue.close(); });
  for (const n of [1, 2]) await queue.add({ n }, { removeOnComplete: false });
  await expect.poll(() => queue.getCompletedCount(), { timeout: 10_000 }).toBe(2);
  for (const id of await observer.redis.zrange("bull:good:completed", 0, -1)) await observer.redis.zincrby("bull:good:completed", -7_200_000, id);
  expect((await runCanary([queue])).queues["good"]).toMatchObject({ ok: true });
  expect(await queue.getCompletedCount()).toBe(2);
});
