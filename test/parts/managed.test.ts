import { TLSSocket } from "node:tls";
import Bull from "bull";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { QueueConnections, redisOptions, waitForRedisReady } from "berth-runtime";
import { freePort } from "../helpers/services.ts";
import { startTlsRedis, type TlsRedis } from "../helpers/tls-redis.ts";

/** The runtime on a real Redis as providers set it up: TLS on its only port, and a user who may not ask everything. */

let redis: TlsRedis;
beforeAll(async () => {
  redis = await startTlsRedis();
});
afterAll(async () => {
  await redis.stop();
});

const env = (change: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({ NODE_ENV: "production", REDIS_URL: redis.secureUrl, REDIS_CA_FILE: redis.caFile, ...change });

/** Ready, or why not; the deadline is far off, so that what is definitive shows by coming early. */
async function outcome(environment: NodeJS.ProcessEnv, timeout = 20_000): Promise<string> {
  const client = new Redis(redisOptions(environment, { process: "api", use: "client" }));
  client.on("error", () => undefined);
  try {
    await waitForRedisReady(client, { timeout });
    return "ready";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    client.disconnect();
  }
}

describe("rediss://", () => {
  test("is TLS, checked: ready once it answers", async () => {
    const client = new Redis(redisOptions(env(), { process: "api", use: "client" }));
    try {
      await waitForRedisReady(client, { timeout: 20_000 });
      const socket: unknown = client.stream;
      expect(socket).toBeInstanceOf(TLSSocket);
      expect(socket instanceof TLSSocket && [socket.encrypted, socket.authorized]).toEqual([true, true]);
      await expect(client.config("GET", "save")).rejects.toThrow(/^NOPERM/);
    } finally {
      client.disconnect();
    }
  });

  test("the same Redis answers nobody without TLS", async () => {
    expect(await outcome(env({ REDIS_URL: redis.secureUrl.replace("rediss:", "redis:") }), 1_500)).toMatch(/^Redis connection (?:timed out|failed)/);
  });

  test.each([
    ["an authority that nobody named", () => env({ REDIS_CA_FILE: "" }), /^Redis connection failed: TLS: its certificate is signed by no authority that is trusted here; name the provider's own by REDIS_CA_FILE/],
    ["a name it is not for", () => env({ REDIS_SERVER_NAME: "other.example.net" }), /^Redis connection failed: TLS: its certificate is for another name/],
    ["a wrong password", () => env({ REDIS_URL: redis.secureUrl.replace(redis.password, "wrong") }), /^Redis connection failed: WRONGPASS/],
  ])("%s is said at once", async (_, environment, expected) => {
    expect(await outcome(environment())).toMatch(expected);
  });

  test("an expired certificate is said at once", async () => {
    const expired = await startTlsRedis({ expired: true });
    try {
      const port = (url: string): NodeJS.ProcessEnv => env({ REDIS_URL: url, REDIS_CA_FILE: expired.caFile });
      expect(await outcome(port(expired.secureUrl))).toBe("Redis connection failed: TLS: its certificate has expired; the provider must renew it (CERT_HAS_EXPIRED)");
    } finally {
      await expired.stop();
    }
  });

  test("nobody there: the last error at the deadline", async () => {
    expect(await outcome(env({ REDIS_URL: `rediss://app:x@localhost:${await freePort()}` }), 500)).toMatch(/^Redis connection failed: .*ECONNREFUSED/);
  });
});

test("Bull's jobs go through, over TLS on all three connections, which CLIENT LIST names", async () => {
  const connections = new QueueConnections(env(), "worker");
  const queue = new Bull<{ n: number }>("file", connections.forQueue("file"));
  try {
    await queue.isReady();
    const done = new Promise<number>((resolve) => {
      queue.on("completed", (_job, result: number) => resolve(result));
    });
    void queue.process((job) => Promise.resolve(job.data.n * 2));
    await queue.add({ n: 21 });
    expect(await done).toBe(42);
    expect(connections.all.map((client) => (client.stream as unknown) instanceof TLSSocket)).toEqual([true, true, true]);
    const list = String(await queue.client.client("LIST"));
    expect(list.trim().split("\n").map((line) => / name=(\S*)/.exec(line)?.[1] ?? "").toSorted((a, b) => a.localeCompare(b))).toEqual([`bull:${Buffer.from("file").toString("base64")}`, "worker:client:file", "worker:subscriber:file"]);
  } finally {
    await queue.close();
    connections.close();
  }
});

test("a provider that refuses INFO and CLIENT LIST: ready all the same", async () => {
  const strict = await startTlsRedis({ allow: [] });
  try {
    expect(await outcome(env({ REDIS_URL: strict.secureUrl, REDIS_CA_FILE: strict.caFile }))).toBe("ready");
  } finally {
    await strict.stop();
  }
});
