import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { QueueConnections, queueConnections, readSecret, redisOptions, type RedisUse } from "berth-runtime";

const production = { NODE_ENV: "production", REDIS_URL: "redis://redis:6379", REDIS_PASSWORD: "s3cret" };
const options = (use: RedisUse, env: NodeJS.ProcessEnv = production) => redisOptions(env, { process: "worker", use, queue: "file" });
const directory = mkdtempSync(join(tmpdir(), "berth-secret-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe("options of a connection", () => {
  test("for commands: bounded in every wait", () => {
    expect(options("client")).toMatchInlineSnapshot({ retryStrategy: expect.any(Function) }, `
      {
        "commandTimeout": 10000,
        "connectTimeout": 10000,
        "connectionName": "worker:client:file",
        "db": 0,
        "enableReadyCheck": true,
        "host": "redis",
        "keepAlive": 15000,
        "maxLoadingRetryTime": 500,
        "maxRetriesPerRequest": null,
        "password": "s3cret",
        "port": 6379,
        "retryStrategy": Any<Function>,
        "socketTimeout": 15000,
      }
    `);
  });

  test.each(["subscriber", "bclient"] as const)("for a %s: waiting is its work, so no command times out", (use) => {
    const made = options(use);
    expect(made).not.toHaveProperty("commandTimeout");
    expect(made).toMatchObject({ maxRetriesPerRequest: null, enableReadyCheck: false, connectTimeout: 10_000, connectionName: `worker:${use}:file` });
  });

  test("tries again for ever, and at least every 2 s", () => {
    const { retryStrategy } = options("client");
    expect([1, 2, 20, 1_000].map((attempt) => retryStrategy?.(attempt))).toEqual([100, 200, 2_000, 2_000]);
  });

  test("rediss:// is TLS, redis:// is not", () => {
    expect(options("client", { ...production, REDIS_URL: "rediss://eu1.example.com:6380" })).toMatchObject({ host: "eu1.example.com", port: 6380, tls: {} });
    expect(options("client")).not.toHaveProperty("tls");
  });

  test("user, password and database of the URL are decoded", () => {
    expect(options("client", { NODE_ENV: "production", REDIS_URL: "redis://app:p%40ss%2F1@redis:6379/3" })).toMatchObject({ username: "app", password: "p@ss/1", db: 3 });
  });

  test("without a password none is sent", () => {
    expect(options("client", { NODE_ENV: "production", REDIS_URL: "redis://redis" })).not.toHaveProperty("password");
  });

  test.each([
    [undefined, "connect to Redis: REDIS_URL is required (redis://HOST:6379), found nothing; set it in the environment"],
    ["", "connect to Redis: REDIS_URL is required (redis://HOST:6379), found nothing; set it in the environment"],
    ["http://:hunter2@redis", "connect to Redis: REDIS_URL is required to be redis://HOST:PORT or rediss://HOST:PORT, found something else"],
    ["redis:6379", "connect to Redis: REDIS_URL is required to be redis://HOST:PORT or rediss://HOST:PORT, found something else"],
  ])("REDIS_URL %j is refused", (url, message) => {
    const env: NodeJS.ProcessEnv = { NODE_ENV: "production", ...(url === undefined ? {} : { REDIS_URL: url }) };
    expect(() => options("client", env)).toThrow(new Error(message));
  });
});

describe("connections of a process", () => {
  test("one for each queue and use, the same at every call, closed together", async () => {
    const redis = new QueueConnections({ NODE_ENV: "production", REDIS_URL: "redis://127.0.0.1:1" }, "worker");
    const early = redis.open("file", "bclient");
    const bull = redis.forQueue("file");
    expect(bull.createClient("bclient")).toBe(early);
    expect(bull.createClient("client")).not.toBe(early);
    expect(redis.forQueue("email").createClient("bclient")).not.toBe(early);
    expect(redis.all.map((client) => client.options.connectionName)).toEqual(["worker:bclient:file", "worker:client:file", "worker:bclient:email"]);
    redis.close();
    await expect.poll(() => redis.all.map((client) => client.status)).toEqual(["end", "end", "end"]);
  });

  test("their number follows from what the process does", () => {
    const count = (listens: boolean, processes: boolean): number => queueConnections({ queues: 2, listens, processes });
    expect({ adds: count(false, false), listens: count(true, false), processes: count(false, true), both: count(true, true) })
      .toEqual({ adds: 2, listens: 4, processes: 6, both: 6 });
  });
});

describe("a secret", () => {
  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };

  test("comes from the file, else from the variable, else it is not there", () => {
    const path = file("secret", "from the file\n");
    expect(readSecret({ TOKEN_FILE: path, TOKEN: "from the variable" }, "TOKEN")).toBe("from the file");
    expect(readSecret({ TOKEN: "from the variable" }, "TOKEN")).toBe("from the variable");
    expect(readSecret({ TOKEN_FILE: "" }, "TOKEN")).toBeUndefined();
  });

  test("keeps its inner line breaks and spaces, and loses one last line break", () => {
    expect(readSecret({ TOKEN_FILE: file("lines", " a\nb \r\n") }, "TOKEN")).toBe(" a\nb ");
  });

  test.each([["a blank file", { TOKEN_FILE: "blank" }], ["a blank variable", { TOKEN: "  " }]])("%s is refused", (_what, env: Record<string, string>) => {
    file("blank", "\n");
    const path = env["TOKEN_FILE"];
    expect(() => readSecret({ ...env, ...(path === undefined ? {} : { TOKEN_FILE: join(directory, path) }) }, "TOKEN"))
      .toThrow(/^read the secret TOKEN: a value is required, found a blank one at TOKEN/);
  });

  test("whose file is missing is an error that names it", () => {
    expect(() => readSecret({ TOKEN_FILE: "/nowhere/token", TOKEN: "unused" }, "TOKEN"))
      .toThrow(/^read the secret TOKEN: a readable file is required at TOKEN_FILE=\/nowhere\/token: ENOENT/);
  });
});

describe("the parts of a Redis URL", () => {
  test("an IPv6 address loses its brackets", () => {
    expect(options("client", { ...production, REDIS_URL: "redis://[::1]:6379" })).toMatchObject({ host: "::1", port: 6379 });
  });

  test("a bare % in the password is refused by the variable's name, and not shown", () => {
    const connect = () => options("client", { ...production, REDIS_URL: "redis://:50%off@redis:6379" });
    expect(connect).toThrow("connect to Redis: REDIS_URL is required to write % as %25 in its user and password");
    expect(connect).not.toThrow("50%off");
  });
});
