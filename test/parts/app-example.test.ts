import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
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
