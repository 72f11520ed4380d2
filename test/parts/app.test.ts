import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type AppProcess, BundledApp } from "../helpers/app-process.ts";
import { RedisObserver } from "../helpers/redis-observer.ts";
import { freePort, type RunningService, startPostgres, startRedis } from "../helpers/services.ts";

/** The application as it is shipped (bundled, alone in a folder, plain Node) on a real Redis and a real Postgres. */
const PASSWORD = "planted:p@ss/word";
let app: BundledApp;
let redis: RunningService;
let postgres: RunningService;
let observer: RedisObserver;
let production: Readonly<Record<string, string>>;

beforeAll(async () => {
  [app, redis, postgres] = await Promise.all([BundledApp.build(), startRedis({ password: PASSWORD }), startPostgres()]);
  observer = new RedisObserver(redis.url);
  production = {
    NODE_ENV: "production",
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    REDIS_PASSWORD: PASSWORD,
    DATABASE_URL: `postgres://app@127.0.0.1:${postgres.port}/app`,
    DATABASE_PASSWORD: "app",
  };
  const migration = await app.start("migrate", production);
  if (await migration.exit !== 0) throw new Error(`the migration failed: ${migration.output}`);
});
afterAll(async () => {
  observer?.close();
  await Promise.all([app?.close(), redis?.stop(), postgres?.stop()]);
});
beforeEach(async () => {
  await observer.redis.flushall();
});
afterEach(async () => {
  await app.endAll();
  // What was killed is gone for Redis a moment later: the next test counts from nothing.
  while ((await observer.names()).length > 0) await sleep(20);
});

async function sql(text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function ready(...processes: readonly AppProcess[]): Promise<void> {
  for (const it of processes) {
    await expect.poll(async () => (it.alive ? await it.status("/readyz") : `ended: ${it.output}`), { timeout: 20_000, interval: 50 }).toBe(200);
  }
}

async function working(worker: AppProcess): Promise<AppProcess> {
  await expect.poll(() => worker.output, { timeout: 20_000, interval: 50 }).toContain("takes jobs");
  return worker;
}

const names = (of: string, uses: readonly string[]): string[] => uses.flatMap((use) => [`${of}:${use}:email`, `${of}:${use}:file`]);
const BLOCKED = ["bull:ZW1haWw=", "bull:ZmlsZQ=="];

describe("the migration", () => {
  test("is asked for by an API that misses it, and lets it start once it has run; two at a time apply it once", async () => {
    await sql("create database fresh");
    const env = { ...production, DATABASE_URL: `postgres://app@127.0.0.1:${postgres.port}/fresh` };
    const api = await app.start("api", env);
    await expect.poll(() => api.output, { timeout: 10_000, interval: 50 }).toContain("the migrations 001-jobs are required and not applied: run node migrate.js");
    expect([await api.status("/healthz"), await api.status("/readyz")]).toEqual([200, 503]);

    const migrations = await Promise.all([app.start("migrate", env), app.start("migrate", env)]);
    expect(await Promise.all(migrations.map(({ exit }) => exit))).toEqual([0, 0]);
    const said = migrations.map(({ output }) => /applied 001-jobs|nothing to migrate/.exec(output)?.[0] ?? output);
    expect(new Set(said)).toEqual(new Set(["applied 001-jobs", "nothing to migrate"]));
    await ready(api);
  });
});

describe("connections to Redis", () => {
  test("are 10 when the API listens and the worker works", async () => {
    await ready(await app.start("api", production));
    await working(await app.start("worker", production));
    const expected = [...names("api", ["client", "subscriber"]), ...names("worker", ["client", "subscriber"]), ...BLOCKED].toSorted();
    expect(expected).toHaveLength(10);
    await expect.poll(() => observer.names(), { timeout: 5_000 }).toEqual(expected);
  });

  test("are 12 when the API processes too", async () => {
    await ready(await app.start("api", { ...production, API_PROCESSES: "true" }));
    await working(await app.start("worker", production));
    const expected = [...names("api", ["client", "subscriber"]), ...names("worker", ["client", "subscriber"]), ...BLOCKED, ...BLOCKED].toSorted();
    expect(expected).toHaveLength(12);
    await expect.poll(() => observer.names(), { timeout: 5_000 }).toEqual(expected);
  });

  test("are 6 in development, where one process is both, and 4 without its worker", async () => {
    const both = await app.start("api", { ...production, NODE_ENV: "development" });
    await ready(both);
    await expect.poll(() => observer.names(), { timeout: 5_000 }).toEqual([...names("api", ["client", "subscriber"]), ...BLOCKED].toSorted());
    expect(await both.post("/ops/canary")).toMatchObject({ status: 200, body: { queues: { file: { ok: true }, email: { ok: true } } } });
    expect((await both.get("/ops/queue")).body).toMatchObject({ heartbeat: { ageSeconds: expect.any(Number) as number } });
    expect(await both.stop()).toBe(0);

    await ready(await app.start("api", { ...production, NODE_ENV: "development", DISABLE_WORKER: "true" }));
    await expect.poll(() => observer.names(), { timeout: 5_000 }).toEqual(names("api", ["client", "subscriber"]).toSorted());
  });

  test("are opened by no request: 50 of each route", async () => {
    const api = await app.start("api", production);
    await ready(api);
    await working(await app.start("worker", production));
    const { body } = await api.post("/jobs", { queue: "email", data: { to: "a@example.com", subject: "s", text: "t" } });
    const { id } = body as { id: string };
    const held = async () => ({ accepted: await observer.accepted(), ids: (await observer.list()).map((client) => Number(client["id"])).toSorted((a, b) => a - b) });
    const before = await held();

    const routes: Readonly<Record<string, () => Promise<{ status: number }>>> = {
      "GET /": () => api.get("/"),
      "GET /healthz": () => api.get("/healthz"),
      "GET /readyz": () => api.get("/readyz"),
      "GET /ops/queue": () => api.get("/ops/queue"),
      "GET /jobs/:id": () => api.get(`/jobs/${id}`),
      "POST /jobs": () => api.post("/jobs", { queue: "file", data: { name: "n", megabytes: 1 } }),
      "POST /ops/canary": () => api.post("/ops/canary"),
      "GET /unknown": () => api.get("/unknown"),
    };
    const answers: Record<string, number[]> = {};
    for (const [route, ask] of Object.entries(routes)) {
      answers[route] = [...new Set((await Promise.all(Array.from({ length: 50 }, () => ask()))).map(({ status }) => status))];
    }
    expect(answers).toEqual({
      "GET /": [200], "GET /healthz": [200], "GET /readyz": [200], "GET /ops/queue": [200], "GET /jobs/:id": [200], "POST /jobs": [202], "POST /ops/canary": [200], "GET /unknown": [404],
    });
    expect(await held()).toEqual(before);
  });
});

describe("jobs", () => {
  test("are done by the worker, and the row follows them", async () => {
    const api = await app.start("api", production);
    await ready(api);
    const worker = await working(await app.start("worker", production));
    const sent = await api.post("/jobs", { queue: "file", data: { name: "a", megabytes: 30, unknown: 1 } });
    expect(sent.status).toBe(202);
    const { id } = sent.body as { id: string };
    const seen = new Set<number>();
    await expect.poll(async () => {
      const job = (await api.get(`/jobs/${id}`)).body as { progress: number; state: string };
      seen.add(job.progress);
      return job.state;
    }, { timeout: 20_000, interval: 20 }).toBe("completed");
    expect([...seen].filter((percent) => percent > 0 && percent < 100).length, `progress on the way, seen: ${[...seen].join(" ")}`).toBeGreaterThan(0);
    expect((await api.get(`/jobs/${id}`)).body).toMatchObject({ queue: "file", progress: 100, error: null, result: { name: "a", bytes: 30 * 1_048_576, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string } });

    const mail = (await api.post("/jobs", { queue: "email", data: { to: "b@example.com", subject: "Grüße", text: "hello" } })).body as { id: string };
    await expect.poll(async () => (await api.get(`/jobs/${mail.id}`)).body, { timeout: 5_000 }).toMatchObject({ state: "completed", result: { messageId: expect.any(String) as string } });
    expect(worker.output).not.toContain("b@example.com");
  });

  test("that are active are finished at a stop, and no other is begun; what nobody heard is made up for", async () => {
    let api = await app.start("api", production);
    await ready(api);
    const worker = await working(await app.start("worker", production));
    const job = { queue: "file", data: { name: "long", megabytes: 60 } };
    const active = (await api.post("/jobs", job)).body as { id: string };
    const waiting = (await api.post("/jobs", job)).body as { id: string };
    await expect.poll(async () => (await api.get(`/jobs/${active.id}`)).body, { timeout: 10_000, interval: 20 }).toMatchObject({ state: "active" });

    const ended = worker.stop("SIGTERM");
    expect(await api.stop("SIGTERM"), "the API ends while the worker finishes").toBe(0);
    expect(await ended).toBe(0);
    expect(await observer.redis.hexists(`bull:file:${active.id}`, "finishedOn")).toBe(1);

    api = await app.start("api", production);
    await ready(api);
    expect((await api.get(`/jobs/${active.id}`)).body).toMatchObject({ state: "completed", progress: 100 });
    expect((await api.get(`/jobs/${waiting.id}`)).body).toMatchObject({ state: "waiting", progress: 0 });
    expect(await observer.redis.lrange("bull:file:wait", 0, -1)).toEqual([waiting.id]);
  });

  test("that cannot be are refused in words", async () => {
    const api = await app.start("api", production);
    await ready(api);
    const refusals = await Promise.all([
      api.post("/jobs", "{"),
      api.post("/jobs"),
      api.post("/jobs", []),
      api.post("/jobs", { queue: "video", data: {} }),
      api.post("/jobs", { queue: "file", data: { name: "a", megabytes: 0 } }),
      api.post("/jobs", { queue: "email", data: { to: "a@b.c\r\nBcc: d@e.f", subject: "s", text: "t" } }),
      api.post("/jobs", { queue: "file", data: { name: "x".repeat(70_000), megabytes: 1 } }),
      api.get("/jobs/1"),
      api.get("/jobs/00000000-0000-4000-8000-000000000000"),
      api.get("/admin"),
    ]);
    expect(refusals.map(({ status, body }) => `${status} ${(body as { error: string }).error}`)).toMatchInlineSnapshot(`
      [
        "400 Body is not valid JSON but content-type is set to 'application/json'",
        "400 the body must be a JSON object {queue, data}",
        "400 the body must be a JSON object {queue, data}",
        "400 queue must be one of file, email",
        "400 data.megabytes must be a whole number from 1 to 2048",
        "400 data.to must be one e-mail address",
        "413 Request body is too large",
        "400 the id of a job is a UUID",
        "404 there is no job 00000000-0000-4000-8000-000000000000",
        "404 there is no GET /admin",
      ]
    `);
    expect(await observer.redis.keys("bull:*:wait")).toEqual([]);
  });
});

describe("the worker's life", () => {
  test("shows as a heartbeat in Redis and as a file for the health check; without a worker the canary does not come back", async () => {
    const api = await app.start("api", production);
    await ready(api);
    expect((await api.get("/ops/queue")).body).toMatchObject({ heartbeat: null });
    const env = { ...production, BERTH_HEALTH_FILE: `${app.directory}/alive-${Date.now()}` };
    const before = await app.start("health", env);
    expect(await before.exit).toBe(1);
    expect(before.output).toMatch(/^no beat yet/);

    const worker = await working(await app.start("worker", env));
    await expect.poll(async () => (await (await app.start("health", env)).exit), { timeout: 5_000 }).toBe(0);
    expect((await api.get("/ops/queue")).body).toMatchObject({ heartbeat: { ageSeconds: 0 } });
    expect(await observer.redis.ttl("berth:heartbeat:worker")).toBeGreaterThan(80);
    expect(await api.post("/ops/canary")).toMatchObject({ status: 200, body: { queues: { file: { ok: true }, email: { ok: true } } } });

    await worker.stop("SIGKILL");
    const { status, body } = await api.post("/ops/canary");
    expect(status).toBe(503);
    expect(body).toMatchObject({ queues: { file: { ok: false, reason: expect.stringContaining("no worker finished the canary") as string } } });
    expect(await observer.redis.llen("bull:file:wait"), "the canary is taken back").toBe(0);
  });
});

describe("a start that cannot succeed", () => {
  test.each(["api", "worker"] as const)("%s with a wrong password: exit 1, the reason, and not the password", async (program) => {
    const it = await app.start(program, { ...production, REDIS_PASSWORD: "planted-wrong" });
    expect(await it.exit).toBe(1);
    expect(it.output).toContain("Production readiness validation failed: Redis check failed. Redis connection failed: WRONGPASS");
    expect(it.output).not.toContain("planted-wrong");
  });

  test("without an address says which", async () => {
    const { REDIS_URL: _, ...rest } = production;
    const it = await app.start("worker", rest);
    expect(await it.exit).toBe(1);
    expect(it.output).toContain("REDIS_URL is required (redis://HOST:6379), found nothing; set it in the environment");
  });

  test("past its deadline says what it waited for", async () => {
    const it = await app.start("api", { ...production, BERTH_STARTUP_SECONDS: "1", DATABASE_URL: `postgres://app@127.0.0.1:${await freePort()}/app` });
    expect(await it.exit).toBe(1);
    expect(it.output).toMatch(/Postgres check failed\. connect ECONNREFUSED/);
  });
});

test.each(["api", "worker"] as const)("%s told to stop while it still waits for Redis ends with 0 at once", async (program) => {
  const it = await app.start(program, { ...production, REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
  await expect.poll(() => it.output, { timeout: 10_000 }).toContain("ECONNREFUSED");
  // The API answers meanwhile; the worker has no port.
  expect([await it.status("/healthz"), await it.status("/readyz")]).toEqual(program === "api" ? [200, 503] : [0, 0]);
  const told = performance.now();
  expect(await it.stop("SIGTERM")).toBe(0);
  expect(performance.now() - told).toBeLessThan(3_000);
  expect(it.output).not.toContain("validation failed");
});

test("a Postgres that goes away makes it not ready, and does not end it", async () => {
  // A stand-in for the way to Postgres, which can be cut.
  const sockets = new Set<{ destroy(): void }>();
  let cut = false;
  const way = createServer((socket) => {
    if (cut) {
      socket.destroy();
      return;
    }
    const onward = connect({ host: "127.0.0.1", port: postgres.port });
    for (const it of [socket, onward]) {
      sockets.add(it);
      it.on("error", () => undefined).on("close", () => sockets.delete(it));
    }
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => void way.listen(0, "127.0.0.1", resolve));
  try {
    const address = way.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const api = await app.start("api", { ...production, DATABASE_URL: `postgres://app@127.0.0.1:${port}/app` });
    await ready(api);
    cut = true;
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => api.status("/readyz"), { timeout: 5_000 }).toBe(503);
    await sleep(200);
    cut = false;
    await ready(api);
  } finally {
    way.close();
    for (const socket of sockets) socket.destroy();
  }
});

test("the number of connections to Postgres is bounded per process", async () => {
  const api = await app.start("api", production);
  await ready(api);
  await Promise.all(Array.from({ length: 40 }, () => api.get("/readyz")));
  const [row] = await sql("select count(*) as held from pg_stat_activity where application_name = 'berth-api'");
  expect(Number(row?.["held"])).toBeLessThanOrEqual(5);
});
