import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { onShutdown } from "berth-runtime";

function setUp(steps: readonly (() => unknown)[], timeoutMs?: number) {
  const signals = new EventEmitter();
  const codes: number[] = [];
  const errors: string[] = [];
  const end = onShutdown({
    steps, signals,
    exit: (code) => void codes.push(code),
    logger: { info: () => undefined, error: (line) => void errors.push(line) },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  return { signals, codes, errors, end };
}

const slowly = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test.each(["SIGTERM", "SIGINT"])("%s runs the steps one after another, each to its end, and exits 0", async (signal) => {
  const order: string[] = [];
  const step = (name: string, ms: number) => async (): Promise<void> => {
    order.push(`${name} begins`);
    await slowly(ms);
    order.push(`${name} ends`);
  };
  const { signals, codes } = setUp([step("http", 100), step("queues", 5_000), () => order.push("pool")]);
  signals.emit(signal);
  await vi.advanceTimersByTimeAsync(5_099);
  expect(codes).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(order).toEqual(["http begins", "http ends", "queues begins", "queues ends", "pool"]);
  expect(codes).toEqual([0]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a step that fails ends the process with 1 and its reason", async () => {
  const { codes, errors, end } = setUp([() => Promise.reject(new Error("the pool has ended already"))]);
  await end();
  expect([codes, errors]).toEqual([[1], ["shutdown: the pool has ended already"]]);
  expect(vi.getTimerCount()).toBe(0);
});

test("steps that take too long end with 1", async () => {
  const { signals, codes, errors } = setUp([() => slowly(60_000)], 25_000);
  signals.emit("SIGTERM");
  await vi.advanceTimersByTimeAsync(25_000);
  expect([codes, errors]).toEqual([[1], ["shutdown: all of it within 25 s is required; ending with work undone"]]);
});

test("a second signal ends at once", async () => {
  const { signals, codes } = setUp([() => slowly(60_000)]);
  signals.emit("SIGTERM");
  signals.emit("SIGINT");
  expect(codes).toEqual([130]);
});

test("asked twice from inside, the steps run once", async () => {
  const step = vi.fn<() => void>();
  const { end } = setUp([step]);
  await Promise.all([end(), end()]);
  expect(step).toHaveBeenCalledTimes(1);
});
