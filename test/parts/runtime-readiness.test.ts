import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import Bull from "bull";
import { Redis, type RedisOptions } from "ioredis";
import { getTotalQueueCount, QueueConnections, waitForRedisReady } from "berth-runtime";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { freePort, startRedis, type RunningService } from "../helpers/services.ts";
import { aofFiles, slowAof } from "../helpers/slow-aof.ts";

/** waitForRedisReady with real clients on a real Redis: what a fake cannot prove is what Redis and ioredis really say, and when. */

const clients: Redis[] = [];
function connect(port: number, options: RedisOptions = {}): Redis {
  const client = new Redis({ host: "127.0.0.1", port, retryStrategy: (attempt) => Math.min(attempt * 50, 500), ...options });
  client.on("error", () => undefined);
  clients.push(client);
  return client;
}
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

/** Not for the open: the containers publish on loopback only, where Redis's own guard against strangers would refuse us too. */
const OPEN = ["--protected-mode", "no"];

/** Runs a program in the container; gives back its standard output. */
async function inside(redis: RunningService, ...program: string[]): Promise<string> {
  return (await reachableDocker())(["exec", redis.container, ...program]);
}

/** Bull's way: without the ready check a client is `ready` as soon as it is connected. */
const UNCHECKED: RedisOptions = { enableReadyCheck: false, maxRetriesPerRequest: null };

describe("a Redis with a password", () => {
  let redis: RunningService;
  beforeAll(async () => {
    redis = await startRedis({ password: "right" });
  });
  afterAll(() => redis.stop());

  test.each([["with the ready check", {}], ["without", UNCHECKED], ["by a client that waits for its first command", { lazyConnect: true }]])(
    "takes the right one, %s", async (_name, options) => {
      const client = connect(redis.port, { ...options, password: "right" });
      await waitForRedisReady(client);
      expect(await client.ping()).toBe("PONG");
    });

  test.each([["with the ready check", {}], ["without", UNCHECKED]])("refuses a wrong one at once, %s", async (_name, options) => {
    const started = performance.now();
    await expect(waitForRedisReady(connect(redis.port, { ...options, password: "wrong" }), { timeout: 20_000 })).rejects.toThrow(/^Redis connection failed: .*WRONGPASS/);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test.each([["with the ready check", {}], ["without", UNCHECKED]])("refuses a client that gives none, %s", async (_name, options) => {
    await expect(waitForRedisReady(connect(redis.port, options), { timeout: 20_000 })).rejects.toThrow(/^Redis connection failed: .*NOAUTH/);
  });

  test("is ready for a client that listens", async () => {
    const client = connect(redis.port, { ...UNCHECKED, password: "right" });
    await client.subscribe("channel");
    await waitForRedisReady(client);
    expect(client.mode).toBe("subscriber");
  });

  test("is ready for an account that may PING and not ask INFO", async () => {
    await inside(redis, "redis-cli", "--no-auth-warning", "-a", "right", "acl", "setuser", "shy", "on", ">shy", "~*", "&*", "+@all", "-info");
    const client = connect(redis.port, { ...UNCHECKED, username: "shy", password: "shy" });
    await waitForRedisReady(client);
    await expect(client.info()).rejects.toThrow("NOPERM");
  });

  test("fails a client that has ended", async () => {
    const client = connect(redis.port, { password: "right" });
    await waitForRedisReady(client);
    const ended = new Promise((resolve) => client.once("end", resolve));
    client.disconnect();
    await ended;
    await expect(waitForRedisReady(client)).rejects.toThrow("Redis connection failed: the connection has ended");
  });
});

describe("a Redis that is not there yet", () => {
  let redis: RunningService | undefined;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
  });
  afterAll(() => redis?.stop());

  test("fails a client that does not try again, with what happened", async () => {
    const client = connect(port, { retryStrategy: () => null });
    await expect(waitForRedisReady(client)).rejects.toThrow(/^Redis connection failed: connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
  });

  test("is what the deadline says for one that does", async () => {
    await expect(waitForRedisReady(connect(port), { timeout: 500 })).rejects.toThrow(/^Redis connection failed: connect ECONNREFUSED/);
  });

  test("is waited for when it comes 1.5 s late", async () => {
    const client = connect(port, UNCHECKED);
    const refused = new Promise<Error>((resolve) => client.once("error", resolve));
    const waiting = waitForRedisReady(client, { timeout: 30_000 });
    expect((await refused).message).toContain("ECONNREFUSED");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    redis = await startRedis({ port, wait: false, args: OPEN });
    await waiting;
    expect(await client.ping()).toBe("PONG");
  });
});

describe("a Redis that loads a long append-only file", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-aof-"));
  let redis: RunningService;
  beforeAll(async () => {
    const files = aofFiles();
    for (const [path, text] of [[files.path, slowAof(160, [["SET", "kept", "yes"]])], [files.manifestPath, files.manifest]] as const) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    // A fixed port, because it is restarted.
    chmodSync(directory, 0o777);
    redis = await startRedis({ port: await freePort(), dataDir: directory, wait: false, args: [...OPEN, "--appendonly", "yes", "--save", ""] });
    while (!(await loading().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 20));
  });
  afterAll(async () => {
    await redis.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const loading = async (): Promise<boolean> => (await inside(redis, "redis-cli", "info", "persistence")).includes("\nloading:1");

  test("is ready for nobody before its own loading:0: not the wait, not the queue counts, whatever the status says", async () => {
    const probe = connect(redis.port, UNCHECKED);
    const connections = new QueueConnections({ NODE_ENV: "production", REDIS_URL: redis.url }, "test");
    const queue = new Bull("file", connections.forQueue("file"));
    // A Redis that loads answers seldom: on a busy machine not within half a second.
    await expect(waitForRedisReady(probe, { timeout: 500 })).rejects.toThrow(/^Redis connection (?:failed: LOADING Redis is loading the dataset in memory|timed out)$/);
    expect(probe.status).toBe("ready");

    const early: string[] = [];
    let wait = "pending";
    const waiting = Promise.all([probe, queue.client].map((client) => waitForRedisReady(client, { timeout: 60_000 }))).then(() => (wait = "ready"));
    let samples = 0;
    for (;;) {
      // Redis is asked before and after: what it says afterwards held all the while between.
      const counted = await Promise.race([getTotalQueueCount([queue]).then(() => "counted", () => "refused"), new Promise((resolve) => setTimeout(resolve, 200, "silent"))]);
      const waited = wait;
      if (!(await loading())) break;
      samples += 1;
      if (counted === "counted") early.push("queue counts");
      if (waited === "ready") early.push("waitForRedisReady");
    }
    expect(samples).toBeGreaterThan(3);
    expect(early).toEqual([]);
    await waiting;
    expect(await probe.get("kept")).toBe("yes");
    expect(await getTotalQueueCount([queue])).toBe(0);
    await queue.close();
    connections.close();
  });

  test("is waited for again after a restart, by the same client", async () => {
    const client = connect(redis.port, UNCHECKED);
    await waitForRedisReady(client, { timeout: 60_000 });
    const closed = new Promise((resolve) => client.once("close", resolve));
    const docker = await reachableDocker();
    await docker(["stop", redis.container]);
    await closed;
    const waiting = waitForRedisReady(client, { timeout: 60_000 });
    await docker(["start", redis.container]);
    await waiting;
    expect(await loading()).toBe(false);
  });
});
