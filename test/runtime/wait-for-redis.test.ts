import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type RedisLike, waitForRedisReady } from "berth-runtime";

const EVENTS = ["ready", "error", "end"];

/** The seed's client: a plain emitter with a status. */
class Plain extends EventEmitter implements RedisLike {
  status = "connecting";
}

/** An ioredis that answers PING from a script; the last answer stays. */
class Asked extends Plain {
  readonly options: { readonly retryStrategy?: unknown } = { retryStrategy: () => 100 };
  pings = 0;
  answers: (Error | "PONG" | "never")[] = ["PONG"];

  async ping(): Promise<string> {
    const answer = this.answers[Math.min(this.pings, this.answers.length - 1)] ?? "PONG";
    this.pings += 1;
    if (answer === "never") return await new Promise(() => undefined);
    if (answer instanceof Error) throw answer;
    return answer;
  }

  become(status: string): void {
    this.status = status;
    this.emit(status);
  }
}

/** How a wait ended, or `pending`. */
function watch(promise: Promise<void>): { outcome: string } {
  const seen = { outcome: "pending" };
  promise.then(() => (seen.outcome = "ready"), (error: Error) => (seen.outcome = error.message));
  return seen;
}

function expectNothingLeft(client: EventEmitter): void {
  expect(EVENTS.map((event) => `${event} ${client.listenerCount(event)}`), "listeners left on the client").toEqual(["ready 0", "error 0", "end 0"]);
  expect(vi.getTimerCount(), "timers left").toBe(0);
}

const settle = async (ms = 0): Promise<void> => void (await vi.advanceTimersByTimeAsync(ms));
const loading = new Error("LOADING Redis is loading the dataset in memory");
const refused = new Error("connect ECONNREFUSED 127.0.0.1:6379");

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a plain emitter, as in the text this comes from", () => {
  test("that is ready resolves at once", async () => {
    const client = new Plain();
    client.status = "ready";
    const wait = watch(waitForRedisReady(client));
    await settle();
    expect(wait.outcome).toBe("ready");
    expectNothingLeft(client);
  });

  test("that is connecting is not a failure: it resolves when it says ready", async () => {
    const client = new Plain();
    const wait = watch(waitForRedisReady(client));
    await settle(4_999);
    expect(wait.outcome).toBe("pending");
    client.emit("ready");
    await settle();
    expect(wait.outcome).toBe("ready");
    expectNothingLeft(client);
  });

  test("whose error is its last word rejects with it", async () => {
    const client = new Plain();
    const wait = watch(waitForRedisReady(client));
    client.emit("error", refused);
    await settle();
    expect(wait.outcome).toMatchInlineSnapshot(`"Redis connection failed: connect ECONNREFUSED 127.0.0.1:6379"`);
    expectNothingLeft(client);
  });

  test("that says nothing times out, after 5 s unless told otherwise", async () => {
    const [usual, patient, number] = [new Plain(), new Plain(), new Plain()];
    const waits = [watch(waitForRedisReady(usual)), watch(waitForRedisReady(patient, { timeout: 60_000 })), watch(waitForRedisReady(number, 7_000))];
    await settle(5_000);
    expect(waits.map(({ outcome }) => outcome)).toEqual(["Redis connection timed out", "pending", "pending"]);
    await settle(55_000);
    expect(waits.map(({ outcome }) => outcome)).toEqual(Array(3).fill("Redis connection timed out"));
    for (const client of [usual, patient, number]) expectNothingLeft(client);
  });

  test("that has ended already, or ends, rejects", async () => {
    const [ended, ending] = [new Plain(), new Plain()];
    ended.status = "end";
    const waits = [watch(waitForRedisReady(ended)), watch(waitForRedisReady(ending))];
    ending.emit("end");
    await settle();
    expect(waits.map(({ outcome }) => outcome)).toEqual(Array(2).fill("Redis connection failed: the connection has ended"));
    for (const client of [ended, ending]) expectNothingLeft(client);
  });

  test("that waits to be connected is not taken for ready", async () => {
    const client = new Plain();
    client.status = "wait";
    const wait = watch(waitForRedisReady(client));
    await settle(5_000);
    expect(wait.outcome).toBe("Redis connection timed out");
    expectNothingLeft(client);
  });
});

describe("a client that can be asked", () => {
  test("is ready after exactly one PING", async () => {
    const client = new Asked();
    client.status = "ready";
    const wait = watch(waitForRedisReady(client));
    await settle();
    expect([wait.outcome, client.pings]).toEqual(["ready", 1]);
    expectNothingLeft(client);
  });

  test("whose status is ready while Redis loads is asked until Redis answers", async () => {
    const client = new Asked();
    client.answers = [...Array.from({ length: 20 }, () => loading), "PONG"];
    client.status = "ready";
    const wait = watch(waitForRedisReady(client));
    await settle(1_999);
    expect([wait.outcome, client.pings], "ready while LOADING").toEqual(["pending", 20]);
    await settle(1);
    expect(wait.outcome).toBe("ready");
    expectNothingLeft(client);
  });

  test("that loads past the deadline says so", async () => {
    const client = new Asked();
    client.answers = [loading];
    client.status = "ready";
    const wait = watch(waitForRedisReady(client, { timeout: 1_000 }));
    await settle(1_000);
    expect(wait.outcome).toMatchInlineSnapshot(`"Redis connection failed: LOADING Redis is loading the dataset in memory"`);
    expectNothingLeft(client);
  });

  test("and tries again survives a first ECONNREFUSED", async () => {
    const client = new Asked();
    const wait = watch(waitForRedisReady(client));
    client.emit("error", refused);
    await settle(1_500);
    expect(wait.outcome).toBe("pending");
    client.become("ready");
    await settle();
    expect(wait.outcome).toBe("ready");
    expectNothingLeft(client);
  });

  test("and never gets through rejects at the deadline with the last error", async () => {
    const client = new Asked();
    const wait = watch(waitForRedisReady(client));
    client.emit("error", new Error("getaddrinfo EAI_AGAIN redis"));
    client.emit("error", refused);
    await settle(5_000);
    expect(wait.outcome).toBe("Redis connection failed: connect ECONNREFUSED 127.0.0.1:6379");
    expectNothingLeft(client);
  });

  test("without a retry strategy fails at its first error", async () => {
    const client = Object.assign(new Asked(), { options: { retryStrategy: null } });
    const wait = watch(waitForRedisReady(client));
    client.emit("error", refused);
    await settle();
    expect(wait.outcome).toBe("Redis connection failed: connect ECONNREFUSED 127.0.0.1:6379");
    expectNothingLeft(client);
  });

  test("that gives up trying rejects with what made it", async () => {
    const client = new Asked();
    const wait = watch(waitForRedisReady(client));
    client.emit("error", refused);
    client.become("end");
    await settle();
    expect(wait.outcome).toBe("Redis connection failed: connect ECONNREFUSED 127.0.0.1:6379");
    expectNothingLeft(client);
  });

  test("whose connection ends under the PING rejects", async () => {
    const client = new Asked();
    client.answers = [new Error("Connection is closed.")];
    client.status = "ready";
    const wait = watch(waitForRedisReady(client));
    client.status = "end";
    await settle();
    expect(wait.outcome).toBe("Redis connection failed: Connection is closed.");
    expectNothingLeft(client);
  });

  test.each([
    "WRONGPASS invalid username-password pair or user is disabled.",
    "NOAUTH Authentication required.",
    "NOPERM User app has no permissions to run the 'ping' command",
  ])("is not waited for when Redis says %s", async (message) => {
    const [byPing, byEvent] = [new Asked(), new Asked()];
    byPing.answers = [new Error(message)];
    byPing.status = "ready";
    const waits = [watch(waitForRedisReady(byPing)), watch(waitForRedisReady(byEvent))];
    byEvent.emit("error", new Error(message));
    await settle();
    expect(waits.map(({ outcome }) => outcome)).toEqual(Array(2).fill(`Redis connection failed: ${message}`));
    for (const client of [byPing, byEvent]) expectNothingLeft(client);
  });

  test("whose PING is never answered ends at the deadline, and asks once", async () => {
    const client = new Asked();
    client.answers = ["never"];
    client.status = "ready";
    const wait = watch(waitForRedisReady(client));
    client.emit("ready");
    await settle(5_000);
    expect([wait.outcome, client.pings]).toEqual(["Redis connection timed out", 1]);
    expectNothingLeft(client);
  });

  test("that says ready between two PINGs leaves no second chain of them", async () => {
    const client = new Asked();
    client.answers = [loading, loading, "PONG"];
    client.status = "ready";
    const wait = watch(waitForRedisReady(client));
    await settle(50);
    client.emit("ready");
    await settle(100);
    expect([wait.outcome, client.pings]).toEqual(["ready", 3]);
    expectNothingLeft(client);
  });

  test("that is lazy is made to connect by the PING", async () => {
    const client = new Asked();
    client.status = "wait";
    const wait = watch(waitForRedisReady(client));
    await settle();
    expect([wait.outcome, client.pings]).toEqual(["ready", 1]);
    expectNothingLeft(client);
  });
});

test("an aborted wait rejects, before and during", async () => {
  const [before, during] = [new Plain(), new Plain()];
  const stop = new AbortController();
  const waits = [watch(waitForRedisReady(before, { signal: AbortSignal.abort() })), watch(waitForRedisReady(during, { signal: stop.signal }))];
  stop.abort();
  await settle();
  expect(waits.map(({ outcome }) => outcome)).toEqual(Array(2).fill("Redis connection failed: the wait was interrupted"));
  for (const client of [before, during]) expectNothingLeft(client);
});

test("a deadline above what setTimeout holds is not a deadline of now", async () => {
  const client = new Plain();
  const wait = watch(waitForRedisReady(client, { timeout: Number.POSITIVE_INFINITY }));
  await settle(60_000);
  expect(wait.outcome).toBe("pending");
  client.emit("ready");
  await settle();
  expect(wait.outcome).toBe("ready");
});

test("a failure without a message is told by its parts, and never carries the failed command along", async () => {
  const client = new Plain();
  const promise = waitForRedisReady(client);
  const wait = watch(promise);
  client.emit("error", new AggregateError([new Error("connect ECONNREFUSED ::1:6379"), refused], ""));
  await settle();
  expect(wait.outcome).toMatchInlineSnapshot(`"Redis connection failed: connect ECONNREFUSED ::1:6379; connect ECONNREFUSED 127.0.0.1:6379"`);

  const secret = new Plain();
  const failed = waitForRedisReady(secret).catch((error: unknown) => error);
  secret.emit("error", Object.assign(new Error("WRONGPASS invalid username-password pair"), { command: { name: "auth", args: ["planted-secret"] } }));
  const { inspect } = await import("node:util");
  expect(inspect(await failed, { depth: 10 })).not.toContain("planted-secret");
});
