import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import Bull from "bull";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readRedis } from "../../src/doctor/read-redis.ts";
import { eventually } from "../helpers/hardware.ts";
import { type RunningService, startRedis } from "../helpers/services.ts";

/** How long a job waits, by the diagnosis's own script and Bull's own jobs: what is late, and what only looks old. */

const DAY_MS = 86_400_000;
const BOUND_MS = 30_000;

/** Bull takes a job's time from its options; its types leave that out. */
type Dated = Bull.JobOptions & { readonly timestamp: number };

function added(ago: number, options: Bull.JobOptions = {}): Dated {
  return { ...options, timestamp: Date.now() - ago };
}

let redis: RunningService;
let client: Redis;
let script: string;

beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
  const shell = '. "$0"; queue_script';
  script = (await promisify(execFile)("sh", ["-c", shell, join(import.meta.dirname, "../../server/doctor.sh")])).stdout;
});
beforeEach(() => client.flushall());
afterAll(async () => {
  client?.disconnect();
  await redis?.stop();
});

/** As the diagnosis reads it off Redis's answer. */
async function oldestSeconds(): Promise<number | undefined> {
  const reply = JSON.stringify(await client.call("EVAL_RO", script, "0", "email"));
  const { queues } = readRedis(new Map([["after-redis", `"@@ queues"\n${reply}\n"@@ end"`]]), "after-redis");
  if (!queues.known) throw new Error(queues.why);
  return queues.value[0]?.oldestSeconds;
}

/** A queue whose one worker is kept at a job for as long as `act` takes; the jobs called `fails` fail first. */
async function behindABusyWorker(act: (queue: Bull.Queue) => Promise<void>): Promise<void> {
  const queue = new Bull("email", redis.url);
  queue.on("error", () => undefined);
  let free: (() => void) | undefined;
  const held = new Promise<void>((resolve) => { free = resolve; });
  void queue.process("*", 1, async ({ name }) => {
    if (name === "fails") throw new Error("once more");
    await held;
  });
  try {
    await act(queue);
  } finally {
    free?.();
    await queue.close();
  }
}

async function keepBusy(queue: Bull.Queue): Promise<void> {
  await queue.add("held", {});
  await eventually("the worker is at its job", BOUND_MS, async () => (await queue.getActiveCount()) === 1);
}

function waiting(queue: Bull.Queue, count: number): Promise<void> {
  return eventually(`${count} waiting`, BOUND_MS, async () => (await queue.getWaitingCount()) === count);
}

test("a job that was delayed for a day, and is just due, has not waited for a day", () => behindABusyWorker(async (queue) => {
  await keepBusy(queue);
  await queue.add("later", {}, added(DAY_MS, { delay: DAY_MS }));
  await waiting(queue, 1);
  expect(await oldestSeconds()).toBeLessThan(30);
}));

test("a job that is tried again, by itself or by hand, has not waited since it was made", () => behindABusyWorker(async (queue) => {
  const job = await queue.add("fails", {}, added(DAY_MS));
  await eventually("it failed", BOUND_MS, () => job.isFailed());
  await queue.add("fails", {}, added(DAY_MS, { attempts: 2, backoff: 1000 }));
  await eventually("it is to be tried again", BOUND_MS, async () => (await queue.getDelayedCount()) === 1);
  await keepBusy(queue);
  await waiting(queue, 1);
  await job.retry();
  await waiting(queue, 2);
  expect(await oldestSeconds()).toBeUndefined();
  // One that really waits behind them counts.
  await queue.add("late", {}, added(DAY_MS));
  expect(await oldestSeconds()).toBeGreaterThan(DAY_MS / 1000 - 60);
}));

test("a job that nobody takes up has waited since it was added", () => behindABusyWorker(async (queue) => {
  await keepBusy(queue);
  await queue.add("late", {}, added(120_000));
  await waiting(queue, 1);
  expect(await oldestSeconds()).toBeGreaterThanOrEqual(120);
}));
