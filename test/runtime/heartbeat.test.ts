import { existsSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { HEARTBEAT_KEY, startHeartbeat, touchHealth, workerHealth } from "berth-runtime";

describe("the heartbeat", () => {
  const calls: string[] = [];
  const down = { is: false };
  const queue = {
    client: {
      setex: (key: string, seconds: number, value: string): Promise<string> => {
        calls.push(`${key} ${seconds} ${value}`);
        return down.is ? Promise.reject(new Error("Command timed out")) : Promise.resolve("OK");
      },
    },
  };

  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
    calls.length = 0;
    down.is = false;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("beats at once and every 30 s, through the queue's own client", async () => {
    const beats: number[] = [];
    const heartbeat = startHeartbeat(queue, { onBeat: () => beats.push(Date.now()) });
    await heartbeat.first;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls).toEqual([
      "berth:heartbeat:worker 90 2026-01-01T00:00:00.000Z",
      "berth:heartbeat:worker 90 2026-01-01T00:00:30.000Z",
      "berth:heartbeat:worker 90 2026-01-01T00:01:00.000Z",
    ]);
    expect(HEARTBEAT_KEY).toBe("berth:heartbeat:worker");
    expect(beats).toHaveLength(3);
    heartbeat.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(calls).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("that failed is tried again after 2 s and says so, and only a beat that arrived counts", async () => {
    down.is = true;
    const errors: string[] = [];
    let beats = 0;
    const heartbeat = startHeartbeat(queue, { onBeat: () => (beats += 1), onError: (error) => errors.push(error.message) });
    await vi.advanceTimersByTimeAsync(2_000);
    expect([errors, beats]).toEqual([["Command timed out", "Command timed out"], 0]);
    down.is = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect([errors.length, beats]).toEqual([2, 1]);
    heartbeat.stop();
  });

  test("stopped while a beat is on its way leaves no timer and no beat", async () => {
    let beats = 0;
    const heartbeat = startHeartbeat(queue, { onBeat: () => (beats += 1) });
    heartbeat.stop();
    await heartbeat.first;
    expect([beats, vi.getTimerCount()]).toEqual([0, 0]);
  });
});

describe("the worker's health", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-health-"));
  const env = { BERTH_HEALTH_FILE: join(directory, "alive") };
  afterEach(() => {
    rmSync(env.BERTH_HEALTH_FILE, { force: true });
  });

  test("is bad before the first beat, good after it, and bad again when the beats stop", () => {
    expect(workerHealth(env)).toEqual({ alive: false, reason: `no beat yet (${env.BERTH_HEALTH_FILE} is missing): the worker has not reached Redis` });
    touchHealth(env);
    expect(workerHealth(env)).toEqual({ alive: true, reason: "last beat 0 s ago" });
    const old = new Date(Date.now() - 91_000);
    utimesSync(env.BERTH_HEALTH_FILE, old, old);
    expect(workerHealth(env)).toEqual({ alive: false, reason: "a beat within 90 s is required, the last was 91 s ago" });
    touchHealth(env);
    expect(workerHealth(env).alive).toBe(true);
  });

  test("is a file in /tmp unless told otherwise", () => {
    const path = join(tmpdir(), "berth-worker-alive");
    const there = existsSync(path);
    touchHealth({});
    expect(workerHealth({}).alive).toBe(true);
    if (!there) rmSync(path);
  });
});
