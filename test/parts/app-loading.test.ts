import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { type AppProcess, BundledApp } from "../helpers/app-process.ts";
import { RedisObserver } from "../helpers/redis-observer.ts";
import { freePort, type RunningService, startPostgres, startRedis } from "../helpers/services.ts";
import { aofFiles, slowAof } from "../helpers/slow-aof.ts";

/** The application and a Redis that loads a real append-only file for seconds: at its start, and at a restart under it. */

/** Some 25 ms each, and several times that on a busy machine. */
const SLOW_BLOCKS = 120;
/** Between two looks at /readyz, in milliseconds: 10 Hz. */
const SAMPLE_MS = 100;

const data = mkdtempSync(join(tmpdir(), "berth-aof-"));
let app: BundledApp;
let redis: RunningService;
let postgres: RunningService;
let observer: RedisObserver;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  const files = aofFiles();
  mkdirSync(dirname(join(data, files.path)), { recursive: true });
  writeFileSync(join(data, files.path), slowAof(SLOW_BLOCKS));
  writeFileSync(join(data, files.manifestPath), files.manifest);
  // A fixed port, because it is restarted.
  const port = await freePort();
  [app, postgres] = await Promise.all([BundledApp.build(), startPostgres()]);
  env = { NODE_ENV: "production", REDIS_URL: `redis://127.0.0.1:${port}`, DATABASE_URL: `postgres://app:app@127.0.0.1:${postgres.port}/app` };
  const migration = await app.start("migrate", env);
  if (await migration.exit !== 0) throw new Error(`the migration failed: ${migration.output}`);
  redis = await startRedis({ port, dataDir: data, wait: false, args: ["--save", "", "--appendonly", "yes"] });
  observer = new RedisObserver(redis.url);
});
afterAll(async () => {
  observer?.close();
  await Promise.all([app?.close(), redis?.stop(), postgres?.stop()]);
  rmSync(data, { recursive: true, force: true });
});

/**
 * Looks at /readyz ten times a second until it says 200. After each 200 Redis itself is asked: loading only ever ends, so when it goes on then,
 * the answer was wrong.
 */
async function sampleUntilReady(api: AppProcess): Promise<{ statuses: number[]; early: number }> {
  const statuses: number[] = [];
  let early = 0;
  const deadline = Date.now() + 90_000;
  while (Date.now() < deadline) {
    const status = await api.status("/readyz");
    statuses.push(status);
    if (status === 200) {
      if (!(await observer.loading())) return { statuses, early };
      early += 1;
    }
    await sleep(SAMPLE_MS);
  }
  throw new Error(`/readyz did not say 200 within 90 s: ${statuses.join(" ")}\n${api.output}`);
}

test("nothing ends, and nothing is ready before Redis's own loading:0, at a start and at a restart of Redis", async () => {
  await expect.poll(() => observer.loading(), { timeout: 30_000, interval: 20 }).toBe(true);
  const [api, worker] = [await app.start("api", env), await app.start("worker", env)];
  const started = await sampleUntilReady(api);
  expect(started.early).toBe(0);
  expect(started.statuses.filter((status) => status === 503).length, "it was looked at while Redis loaded").toBeGreaterThan(10);
  await expect.poll(() => worker.output, { timeout: 10_000 }).toContain("takes jobs");
  const connections = await observer.names();
  expect(connections).toHaveLength(10);

  const docker = await reachableDocker();
  await docker(["restart", "--time", "20", redis.container]);
  await expect.poll(() => observer.loading(), { timeout: 30_000, interval: 20 }).toBe(true);
  expect(await api.status("/readyz")).toBe(503);
  const again = await sampleUntilReady(api);
  expect(again.early).toBe(0);
  expect(again.statuses.filter((status) => status === 503).length).toBeGreaterThan(10);

  // The same two processes, with the same connections, doing the same work: nobody had to start anything again.
  expect([api.alive, worker.alive]).toEqual([true, true]);
  await expect.poll(() => observer.names(), { timeout: 15_000 }).toEqual(connections);
  await expect.poll(() => api.post("/ops/canary"), { timeout: 30_000 }).toMatchObject({ status: 200 });
  await expect.poll(async () => (await api.get("/ops/queue")).body, { timeout: 40_000, interval: 500 }).toMatchObject({ heartbeat: { ageSeconds: expect.any(Number) as number } });
  expect([await worker.stop(), await api.stop()]).toEqual([0, 0]);
});
