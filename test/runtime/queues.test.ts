import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { boundedJobOptions, getTotalQueueCount, isCanary, readiness, runCanary, withCanary } from "berth-runtime";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("readiness", () => {
  const counted = (name: string, counts: Record<string, number>, status = "ready") => ({ name, client: { status }, getJobCounts: () => Promise.resolve(counts) });

  test("counts the jobs of all queues in all states", async () => {
    expect(await getTotalQueueCount([counted("file", { waiting: 2, active: 1 }), counted("email", { failed: 4 })])).toBe(7);
  });

  test("is there when every part answers", async () => {
    const state = await readiness([counted("file", {})], { postgres: () => Promise.resolve(1) });
    expect(state).toEqual({ ready: true, parts: { redis: "ok", postgres: "ok" } });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("names the part that does not answer", async () => {
    const state = await readiness([counted("file", {})], { postgres: () => Promise.reject(new Error("connection refused")) });
    expect(state).toEqual({ ready: false, parts: { redis: "ok", postgres: "connection refused" } });
  });

  test("asks no connection that is away: the question would wait there until it is back", async () => {
    const asked = vi.fn<() => Promise<object>>(() => Promise.resolve({}));
    const state = await readiness([{ name: "file", client: { status: "reconnecting" }, getJobCounts: asked }]);
    expect(state).toEqual({ ready: false, parts: { redis: "the connection of queue file is reconnecting; ready is required" } });
    expect(asked).not.toHaveBeenCalled();
  });

  test("answers after 2 s whatever happens, and leaves no timer", async () => {
    const asked = readiness([{ name: "file", getJobCounts: () => new Promise<object>(() => undefined) }]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await asked).toEqual({ ready: false, parts: { redis: "no answer within 2000 ms" } });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the canary", () => {
  interface Fate { readonly after: number; readonly end: "completed" | "failed" | "never" }

  /** A queue whose worker ends the canary so, that long after it came. */
  function queue(name: string, { after, end }: Fate) {
    const seen = { data: {}, options: {}, removed: 0 };
    const add = (data: object, options: object) => {
      Object.assign(seen, { data, options });
      const due = performance.now() + after;
      const is = (state: Fate["end"]) => () => Promise.resolve(end === state && performance.now() >= due);
      return Promise.resolve({ isCompleted: is("completed"), isFailed: is("failed"), remove: () => Promise.resolve((seen.removed += 1)) });
    };
    return { name, add, seen };
  }

  test("comes back through every queue, and is taken away", async () => {
    const [file, email] = [queue("file", { after: 100, end: "completed" }), queue("email", { after: 0, end: "completed" })];
    const sent = runCanary([file, email]);
    await vi.advanceTimersByTimeAsync(200);
    expect(await sent).toEqual({ queues: { file: { ok: true, ms: 100 }, email: { ok: true, ms: 0 } } });
    expect(file.seen).toEqual({
      data: { "berth:canary": true },
      options: { lifo: true, attempts: 1, removeOnComplete: { age: 3600 }, removeOnFail: { age: 3600 } },
      removed: 1,
    });
  });

  test("says which queue nobody works on, and which worker takes no canary", async () => {
    const sent = runCanary([queue("file", { after: 0, end: "never" }), queue("email", { after: 0, end: "failed" })], { timeoutMs: 1_000 });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await sent).toEqual({
      queues: {
        file: { ok: false, ms: 1_050, reason: "no worker finished the canary within 1000 ms: none listens, or all are busy" },
        email: { ok: false, ms: 0, reason: "a worker took the canary and failed it: wrap the processor in withCanary()" },
      },
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("that cannot be sent is a failure with its reason", async () => {
    const full = { name: "file", add: () => Promise.reject(new Error("OOM command not allowed when used memory > 'maxmemory'.")) };
    expect(await runCanary([full])).toEqual({ queues: { file: { ok: false, ms: 0, reason: "OOM command not allowed when used memory > 'maxmemory'." } } });
  });

  test("costs the processor nothing, and every other job goes to it", async () => {
    const work = vi.fn<(job: { data: unknown }) => Promise<unknown>>((job) => Promise.resolve(job.data));
    const process = withCanary(work);
    expect(await process({ data: { "berth:canary": true } })).toEqual({ canary: true });
    expect(work).not.toHaveBeenCalled();
    expect(await process({ data: { "berth:canary": "true" } })).toEqual({ "berth:canary": "true" });
    expect([null, undefined, 1, "berth:canary", {}].map((data) => isCanary({ data }))).toEqual(Array(5).fill(false));
  });
});

test("finished jobs are kept for a while and in a bounded number", () => {
  expect(boundedJobOptions).toEqual({ removeOnComplete: { age: 86_400, count: 1_000 }, removeOnFail: { age: 604_800, count: 5_000 } });
});
