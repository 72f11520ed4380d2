import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Report } from "../../src/verify/types.ts";
import { expectations } from "../../src/release/expectations.ts";
import { World } from "./verify/world.ts";

/** The bundle, run by plain Node in its container, against a real Redis, a real Postgres and real Bull queues. */
let world: World;
const SETTLE_SECONDS = 6;

beforeAll(async () => {
  world = await World.open(SETTLE_SECONDS);
  await world.startStores();
  for (const name of ["proxy", "worker", "api"] as const) await world.startProcess(name);
});
afterAll(async () => {
  await world.close();
});

function against({ checks }: Report): Record<string, string> {
  return Object.fromEntries(checks.filter(({ status }) => status !== "pass").map(({ id, status, seen }) => [id, `${status}: ${seen}`]));
}

test("a healthy application is verified in little more than two polls, and the count is what redis-cli sees", async () => {
  const { code, report, table, stdout, ms } = await world.verify();
  expect(against(report)).toEqual({});
  expect([code, report.verdict, report.cause]).toEqual([0, "pass", null]);
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  expect(table).toContain("VERIFIED\n41 checks, 41 passed");
  const list = await world.clientList();
  expect(list).toHaveLength(10);
  expect(report.connections.map(({ address }) => address).toSorted()).toEqual(list.map((line) => /addr=(\S+)/.exec(line)?.[1] ?? "").toSorted());
  expect(report.connections.filter(({ holder }) => holder === "worker")).toHaveLength(6);
  expect(report.settleMs).toBeLessThan(SETTLE_SECONDS * 1000);
  console.log(`healthy verification: settled in ${report.settleMs} ms, ${report.totalMs} ms in the verifier, ${Math.round(ms)} ms with its container`);
});

test("a connection that the API leaks is named: container, address, client name, age, last command", async () => {
  await world.startProcess("api", { LEAK: "1" });
  onTestFinished(() => world.startProcess("api"));
  const { code, report, table } = await world.verify();
  expect(Object.keys(against(report))).toEqual(["connections.maximum"]);
  expect(against(report)["connections.maximum"]).toMatch(/^fail: api holds 3 client connections, 2 allowed \(one a queue, 2 queues\): api \(\S+\) 172\.[\d.]+:\d+ "leak", age \d+ s, last command get$/);
  expect([code, report.cause]).toEqual([10, "release"]);
  expect(table).toContain("Use the queue's own connection");
});

test("three leaked connections break the ceiling too", async () => {
  await world.startProcess("api", { LEAK: "3" });
  onTestFinished(() => world.startProcess("api"));
  const { report } = await world.verify();
  expect(Object.keys(against(report))).toEqual(["connections.maximum", "connections.total"]);
  expect(against(report)["connections.total"]).toBe("fail: 13 (api 7, worker 6)");
});

test("a stranger's connection is named by its container", async () => {
  const { box } = world;
  const password = world.config.secrets.redisPassword?.reveal() ?? "";
  const network = box.label.replace("=", "-").replace(".", "-");
  const id = (await box.docker([
    "run", "--detach", "--label", box.label, "--network", network, "--name", `stranger-${process.pid}`, "--env", `REDISCLI_AUTH=${password}`,
    "--entrypoint", "redis-cli", world.config.redis.image, "-h", "redis", "subscribe", "gossip",
  ])).trim();
  onTestFinished(async () => { await box.docker(["rm", "--force", id]); });
  const { report } = await world.verify();
  expect(Object.keys(against(report))).toEqual(["connections.foreign"]);
  expect(against(report)["connections.foreign"]).toMatch(new RegExp(`1 connection: stranger-${process.pid} 172\\.[\\d.]+:\\d+ unnamed, age \\d+ s, last command subscribe`));
});

test("a queue that nobody processes: its blocked client is missing, and its canary does not come back", async () => {
  await world.startProcess("worker", { SKIP: "file" });
  onTestFinished(() => world.startProcess("worker"));
  const { report } = await world.verify();
  expect(against(report)).toEqual({
    "connections.required": expect.stringMatching(/worker has 1 of 2 subscriber connections \(none for file\); worker has 1 of 2 blocked connections \(none for file\)/) as string,
    "app.canary.file": expect.stringContaining("no worker finished the canary") as string,
  });
});

test("a worker that restarts while the verification waits is waited for", async () => {
  await world.stop("worker");
  const verdict = world.verify({ expectations: { settleSeconds: 30 } });
  await new Promise((resolve) => setTimeout(resolve, 4000));
  await world.startProcess("worker");
  const { report } = await verdict;
  expect(against(report)).toEqual({});
  expect(report.settleMs).toBeGreaterThan(3000);
  expect(report.settleMs).toBeLessThan(30_000);
});

test("a worker that hangs has all its connections: the job that Redis handed to it tells, also where there is no canary", async () => {
  await expect.poll(() => world.clientList(), { timeout: 30_000, interval: 500 }).toHaveLength(10);
  await world.freeze("worker");
  onTestFinished(async () => {
    await world.redisCli("DEL bull:file:wait bull:file:active");
    await world.startProcess("worker");
  });
  // The blocked client gets the first; the other two wait.
  for (const id of [41, 42, 43]) await world.redisCli(`LPUSH bull:file:wait ${id}`);
  const { report } = await world.verify({ expectations: { api: { ...expectations(world.config, "4711").api, canaryPath: null } } });
  expect(against(report)).toEqual({ "app.consuming": expect.stringMatching(/^fail: the worker is connected and hangs: file: a job was handed to the worker and not begun for \d+ s$/) as string });
});

/** Starts a worker whose queue `file` has its one place taken by a job that does not end, and another waiting. */
async function startHeld(): Promise<void> {
  await world.startProcess("worker", { HOLD: "file" });
  onTestFinished(async () => {
    await world.stop("worker");
    await world.redisCli("EVAL \"for _, key in ipairs(redis.call('KEYS', 'bull:file:*')) do redis.call('DEL', key) end\" 0");
    await world.startProcess("worker");
  });
  for (const list of ["active", "wait"]) await expect.poll(() => world.redisCli(`LLEN bull:file:${list}`).then(Number), { timeout: 20_000, interval: 200 }).toBe(1);
}

test("a worker whose every place is taken by jobs at work: the canary that waits behind them is a warning", async () => {
  await startHeld();
  const { code, report, table } = await world.verify();
  expect(against(report)).toEqual({});
  expect(code).toBe(0);
  expect(report.checks.filter(({ warning }) => warning?.startsWith("every place is taken by jobs at work") === true).map(({ id }) => id)).toEqual(["app.consuming", "app.canary.file"]);
  expect(table.replace(/\s+/g, " ")).toContain("give it a time-out");
});

test("without a canary: the job that a killed worker left is no sign that the next one hangs", async () => {
  await startHeld();
  await world.redisCli("DEL bull:file:wait");
  await world.startProcess("worker");
  await expect.poll(() => world.clientList(), { timeout: 30_000, interval: 500 }).toHaveLength(10);
  // As 30 s later. Bull gives the job back at its second check, half a minute from now.
  await world.redisCli("DEL bull:file:1:lock");
  const { report } = await world.verify({ expectations: { api: { ...expectations(world.config, "4711").api, canaryPath: null } } });
  expect((await world.redisCli("LRANGE bull:file:active 0 -1")).trim(), "still there").toBe("1");
  expect(against(report)).toEqual({});
});

test("passwords are in no output", async () => {
  const { table, stdout } = await world.verify();
  for (const secret of [world.config.secrets.redisPassword, world.config.secrets.postgresPassword]) {
    expect(table + stdout).not.toContain(secret?.reveal() ?? "no secret");
  }
});

test("a dead API and a dead worker: a verdict within the window and a little more, by whoever is missing", async () => {
  await world.stop("api");
  await world.stop("worker");
  const { code, report } = await world.verify();
  expect(code).toBe(10);
  expect(Object.keys(against(report)).toSorted()).toEqual([
    "app.canary.email", "app.canary.file", "app.health", "app.ready", "connections.required",
  ]);
  expect(report.totalMs).toBeLessThan((SETTLE_SECONDS + 12) * 1000);
});
