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

  /** A queue whose worker ends the canary so, that long after it came; `held`: the canary that a worker has cannot be removed. */
  function queue(name: string, { after, end }: Fate, { held = false, waiting = false } = {}) {
    const seen = { data: {}, options: {}, removed: [] as string[], left: new Map<string, number>() };
    let count = 0;
    const state = { held };
    const jobs = new Map<string, ReturnType<typeof job>>();
    function job(id: string) {
      const due = performance.now() + after;
      const is = (wanted: Fate["end"]) => () => Promise.resolve(end === wanted && performance.now() >= due);
      const remove = () => (state.held ? Promise.reject(new Error("Could not remove job")) : Promise.resolve(jobs.delete(id) && seen.removed.push(id)));
      return { id, isWaiting: () => Promise.resolve(waiting), isCompleted: is("completed"), isFailed: is("failed"), remove };
    }
    const add = (data: object, options: object) => {
      Object.assign(seen, { data, options });
      const added = job(String((count += 1)));
      jobs.set(added.id, added);
      return Promise.resolve(added);
    };
    const client = {
      zadd: (_: string, score: number, id: string) => Promise.resolve(seen.left.set(id, score)),
      zrem: (_: string, id: string) => Promise.resolve(seen.left.delete(id)),
      zrangebyscore: (_: string, __: string, most: number) => Promise.resolve([...seen.left].filter(([, score]) => score <= most).map(([id]) => id)),
    };
    return { name, add, client, getJob: (id: string) => Promise.resolve(jobs.get(id) ?? null), seen, state };
  }

  test("comes back through every queue, and is taken away", async () => {
    const [file, email] = [queue("file", { after: 100, end: "completed" }), queue("email", { after: 0, end: "completed" })];
    const sent = runCanary([file, email]);
    await vi.advanceTimersByTimeAsync(200);
    expect(await sent).toEqual({ queues: { file: { ok: true, ms: 100 }, email: { ok: true, ms: 0 } } });
    // Any `age` or `count` would be applied to the jobs of others too; what is not said is the queue's defaultJobOptions.
    expect(file.seen).toEqual({
      data: { "berth:canary": true },
      options: { lifo: true, attempts: 1, removeOnComplete: false, removeOnFail: false },
      removed: ["1"], left: new Map(),
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

  test("that nobody has taken says that it waits", async () => {
    const sent = runCanary([queue("file", { after: 0, end: "never" }, { waiting: true })], { timeoutMs: 100 });
    await vi.advanceTimersByTimeAsync(200);
    expect((await sent).queues["file"]).toMatchObject({ ok: false, waiting: true });
  });

  test("that a worker holds is removed by a later run, once its own run is over", async () => {
    const held = queue("file", { after: 0, end: "never" }, { held: true });
    const sent = [runCanary([held], { timeoutMs: 100 }), runCanary([held], { timeoutMs: 1_000 })];
    await vi.advanceTimersByTimeAsync(500);
    expect([...held.seen.left.keys()]).toEqual(["1", "2"]);
    held.state.held = false;
    const later = runCanary([held], { timeoutMs: 100 });
    await vi.advanceTimersByTimeAsync(200);
    await later;
    expect(held.seen.removed, "not the one that is under way").toEqual(["1", "3"]);
    await vi.advanceTimersByTimeAsync(1_000);
    await Promise.all(sent);
    expect(held.seen.left.size).toBe(0);
  });

  test("that cannot be sent is a failure with its reason", async () => {
    const full = { ...queue("file", { after: 0, end: "never" }), add: () => Promise.reject(new Error("OOM command not allowed when used memory > 'maxmemory'.")) };
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
