import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type RedisLike, startupDeadlineMs, validateProduction } from "berth-runtime";

class Client extends EventEmitter implements RedisLike {
  status = "connecting";
}

function spies() {
  const lines: string[] = [];
  const codes: number[] = [];
  return {
    lines,
    codes,
    logger: { info: (line: string) => void lines.push(`info ${line}`), error: (line: string) => void lines.push(`error ${line}`) },
    exit: (code: number) => void codes.push(code),
  };
}

const listeners = (client: Client): number => ["ready", "error", "end"].reduce((sum, event) => sum + client.listenerCount(event), 0);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("does not look at a client's status before the client had the time to connect", async () => {
  const { lines, codes, ...rest } = spies();
  const [file, email] = [new Client(), new Client()];
  const passed = validateProduction({ redis: [file, email], checks: { Postgres: () => Promise.resolve() }, ...rest });
  await vi.advanceTimersByTimeAsync(60_000);
  file.emit("ready");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(lines).toEqual([]);
  email.emit("ready");
  expect(await passed).toBe(true);
  expect([lines, codes]).toEqual([["info Redis connection is ready.", "info Postgres is ready."], []]);
  expect(vi.getTimerCount()).toBe(0);
});

test("exits 1 and says why when Redis cannot become ready, and stops waiting for the others", async () => {
  const { lines, codes, ...rest } = spies();
  const [file, email] = [new Client(), new Client()];
  const passed = validateProduction({ redis: [file, email], ...rest });
  file.emit("error", new Error("WRONGPASS invalid username-password pair or user is disabled."));
  expect(await passed).toBe(false);
  expect(codes).toEqual([1]);
  expect(lines).toMatchInlineSnapshot(`
    [
      "error Production readiness validation failed: Redis check failed. Redis connection failed: WRONGPASS invalid username-password pair or user is disabled.",
    ]
  `);
  expect([listeners(file), listeners(email), vi.getTimerCount()]).toEqual([0, 0, 0]);
});

test("takes one client as well as a list, and waits as long as it is told", async () => {
  const { lines, codes, ...rest } = spies();
  const passed = validateProduction({ redis: new Client(), timeout: 90_000, ...rest });
  await vi.advanceTimersByTimeAsync(89_999);
  expect(codes).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect([await passed, codes]).toEqual([false, [1]]);
  expect(lines).toEqual(["error Production readiness validation failed: Redis check failed. Redis connection timed out"]);
});

test("tries another check until it holds", async () => {
  const { lines, ...rest } = spies();
  let tries = 0;
  const check = (): Promise<void> => ((tries += 1) < 3 ? Promise.reject(new Error("starting up")) : Promise.resolve());
  const ready = new Client();
  ready.status = "ready";
  const passed = validateProduction({ redis: ready, checks: { Postgres: check }, ...rest });
  await vi.advanceTimersByTimeAsync(1_000);
  expect([await passed, tries]).toEqual([true, 3]);
  expect(lines.at(-1)).toBe("info Postgres is ready.");
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  ["fails for good", () => Promise.reject(new Error("password authentication failed")), "password authentication failed"],
  ["never answers", () => new Promise(() => undefined), "no answer before the deadline"],
])("exits 1 when another check %s", async (_how, check, reason) => {
  const { lines, codes, ...rest } = spies();
  const ready = new Client();
  ready.status = "ready";
  const passed = validateProduction({ redis: ready, checks: { Postgres: check }, timeout: 10_000, ...rest });
  await vi.advanceTimersByTimeAsync(10_000);
  expect([await passed, codes]).toEqual([false, [1]]);
  expect(lines.at(-1)).toBe(`error Production readiness validation failed: Postgres check failed. ${reason}`);
  expect(vi.getTimerCount()).toBe(0);
});

test.each(["Redis", "Postgres"])("a stop while it waits for %s is no failure", async (part) => {
  const { lines, codes, ...rest } = spies();
  const client = new Client();
  if (part === "Postgres") client.status = "ready";
  const stop = new AbortController();
  const passed = validateProduction({ redis: client, checks: { Postgres: () => new Promise(() => undefined) }, signal: stop.signal, ...rest });
  await vi.advanceTimersByTimeAsync(100);
  stop.abort();
  expect([await passed, codes]).toEqual([false, []]);
  expect(lines.filter((line) => line.startsWith("error"))).toEqual([]);
  expect([listeners(client), vi.getTimerCount()]).toEqual([0, 0]);
});

test("the deadline of a start is BERTH_STARTUP_SECONDS, or 180 s", () => {
  const of = (value?: string): number => startupDeadlineMs(value === undefined ? {} : { BERTH_STARTUP_SECONDS: value });
  expect([of(), of("240"), of("0"), of("soon")]).toEqual([180_000, 240_000, 180_000, 180_000]);
});
