import { describe, expect, test } from "vitest";
import { connectionCeiling, expectedConnections, maxmemoryLimitMb, memoryDemand, processConnections, volumeFloorGb } from "../../src/config/budgets.ts";
import { parseConfig } from "../../src/config/faults.ts";
import { spoilt } from "./good.ts";

/** The table of measured connections for two queues. */
describe("two queues", () => {
  test.each([
    ["API that listens, and worker", {}, 10],
    ["API that only adds, and worker", { "api.listens": false, "app.canaryPath": null }, 8],
    ["API that processes too, and worker", { "api.processes": true }, 12],
  ])("%s", (_name, changes, expected) => {
    expect(expectedConnections(parseConfig(spoilt(changes)))).toBe(expected);
  });
});

test("each process by what it is declared to do", () => {
  const config = parseConfig(spoilt({}));
  expect([processConnections(config, "api"), processConnections(config, "worker")]).toEqual([4, 6]);
});

test("the ceiling is three a queue a process, unless it is given", () => {
  expect(connectionCeiling(parseConfig(spoilt({})))).toBe(12);
  expect(connectionCeiling(parseConfig(spoilt({ "redis.connectionCeiling": 11 })))).toBe(11);
});

test("maxmemory is half of what the container has beyond 128 MiB, rounded down", () => {
  expect(maxmemoryLimitMb(parseConfig(spoilt({ "redis.memoryMb": 1025 })))).toBe(448);
});

test("memory counts each service, and the larger of the two that run once", () => {
  expect(Object.fromEntries(memoryDemand(parseConfig(spoilt({}))))).toEqual({ redis: 512, postgres: 512, api: 384, worker: 512, proxy: 128, verify: 192 });
  expect(Object.fromEntries(memoryDemand(parseConfig(spoilt({ "app.migrate": ["x"] }))))).toEqual({ redis: 512, postgres: 512, api: 384, worker: 512, proxy: 128, migrate: 256 });
});

test("the volume holds an AOF of four times maxmemory with twice that free", () => {
  expect(volumeFloorGb(parseConfig(spoilt({ "redis.maxmemoryMb": 192 })))).toBe(3);
});
