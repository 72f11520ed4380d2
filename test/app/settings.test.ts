import { describe, expect, test } from "vitest";
import { databaseUrl } from "../../app/src/database.ts";
import { createLog, messageOf } from "../../app/src/log.ts";
import { readSettings } from "../../app/src/settings.ts";

describe("settings", () => {
  test.each([
    [{}, { apiProcesses: true, apiIsWorker: true }],
    [{ DISABLE_WORKER: "true" }, { apiProcesses: false, apiIsWorker: false }],
    [{ API_PROCESSES: "true", DISABLE_WORKER: "true" }, { apiProcesses: false, apiIsWorker: false }],
    [{ NODE_ENV: "production" }, { apiProcesses: false, apiIsWorker: false }],
    [{ NODE_ENV: "production", DISABLE_WORKER: "true" }, { apiProcesses: false, apiIsWorker: false }],
    // It works on the queues, and leaves the worker's heartbeat to the worker: it may not hide that the worker is dead.
    [{ NODE_ENV: "production", API_PROCESSES: "true" }, { apiProcesses: true, apiIsWorker: false }],
  ])("%j: what the API does besides HTTP", (env: NodeJS.ProcessEnv, expected) => {
    expect(readSettings(env)).toMatchObject(expected);
  });

  test("listens to everybody only where something else is the fence", () => {
    expect(readSettings({ NODE_ENV: "production" }).host).toBe("0.0.0.0");
    expect(readSettings({ BERTH_PROCESS: "api" }).host).toBe("0.0.0.0");
    expect(readSettings({ HOST: "127.0.0.1", NODE_ENV: "production" }).host).toBe("127.0.0.1");
  });

  test("the rest", () => {
    expect(readSettings({ NODE_ENV: "production", PORT: "8080", APP_VERSION: "1.2.3", BERTH_STARTUP_SECONDS: "60" }))
      .toMatchObject({ name: "berth-app", version: "1.2.3", port: 8080, startupMs: 60_000 });
    expect(readSettings({})).toMatchObject({ version: "development", port: 3000, startupMs: 180_000 });
    expect(() => readSettings({ PORT: "http" })).toThrow('start the API: PORT is required to be a number from 0 to 65535, found "http"; correct it in the environment');
  });
});

describe("the address of Postgres", () => {
  const production = { NODE_ENV: "production", DATABASE_URL: "postgres://app@postgres:5432/app" };

  test("takes the password beside it, whatever characters it has", () => {
    const url = new URL(databaseUrl({ ...production, DATABASE_PASSWORD: "p@ss/w:%41?#" }));
    expect([decodeURIComponent(url.password), url.host, url.username, url.pathname]).toEqual(["p@ss/w:%41?#", "postgres:5432", "app", "/app"]);
  });

  test("keeps its own password and its parameters", () => {
    expect(databaseUrl({ NODE_ENV: "production", DATABASE_URL: "postgresql://app:own@db.example.com/app?sslmode=require", DATABASE_PASSWORD: "other" }))
      .toBe("postgresql://app:own@db.example.com/app?sslmode=require");
  });

  test.each([
    [{}, "connect to Postgres: DATABASE_URL is required (postgres://USER@HOST:5432/DATABASE), found nothing; set it in the environment"],
    [{ DATABASE_URL: "mysql://app:hunter2@db/app" }, "connect to Postgres: DATABASE_URL is required to be postgres://USER@HOST:5432/DATABASE, found something else; correct it in the environment"],
  ])("%j is refused, and not repeated", (env: NodeJS.ProcessEnv, message) => {
    expect(() => databaseUrl(env)).toThrow(new Error(message));
  });
});

describe("the log", () => {
  function log(level?: string) {
    const lines: { level: string; message: string }[] = [];
    return { lines, log: createLog("api", level, (line) => void lines.push(JSON.parse(line) as { level: string; message: string })) };
  }

  test.each([["error", 1], ["info", 2], ["debug", 3], [undefined, 2], ["loud", 2]])("at level %s", (level, count) => {
    const { lines, log: it } = log(level);
    it.error("a");
    it.info("b");
    it.debug("c");
    expect(lines).toHaveLength(count);
    expect(lines[0]).toMatchObject({ level: "error", process: "api", message: "a", time: expect.stringMatching(/^\d{4}-.*Z$/) as string });
  });

  test("says a repeated error once", () => {
    const { lines, log: it } = log();
    for (const message of ["down", "down", "other", "down"]) it.repeated(message);
    expect(lines.map(({ message }) => message)).toEqual(["down", "other"]);
  });

  test("names an error that has no message by its code", () => {
    expect(messageOf(Object.assign(new AggregateError([], ""), { code: "ECONNREFUSED" }))).toBe("ECONNREFUSED");
    expect([messageOf(new TypeError("no")), messageOf("text"), messageOf(new RangeError())]).toEqual(["no", "text", "RangeError"]);
  });
});
