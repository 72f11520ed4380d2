import { describe, expect, test } from "vitest";
import { type Client, parseClientList } from "../../src/redis/clients.ts";
import { asExpected, settle } from "../../src/verify/settle.ts";
import type { NodeExpectation } from "../../src/verify/types.ts";
import { client, CLIENT_LINES, EXPECTATIONS } from "./healthy.ts";

/** A clock that only sleep moves, and a CLIENT LIST per second. */
async function run(lists: (Client[] | Error)[], options: { windowMs?: number; steadyFrom?: number } = {}) {
  let time = 0;
  let polls = 0;
  const result = await settle({
    poll: () => {
      const list = lists[Math.min(polls, lists.length - 1)] ?? [];
      polls += 1;
      return list instanceof Error ? Promise.reject(list) : Promise.resolve(list);
    },
    expected: (clients) => Promise.resolve(clients.length === 2),
    steady: () => time >= (options.steadyFrom ?? 0),
    windowMs: options.windowMs ?? 45_000,
    now: () => time,
    sleep: (ms) => {
      time += ms;
      return Promise.resolve();
    },
  });
  return { settled: result.settled, ms: result.ms, polls, ids: result.clients.map(({ id }) => id).join() };
}

const clients = (...ids: number[]) => parseClientList(ids.map((id) => client(id, "10.0.0.1", "x")).join("\n"));

describe("settle", () => {
  test("takes two seconds when all is well", async () => {
    expect(await run([clients(1, 2)])).toEqual({ settled: true, ms: 2000, polls: 3, ids: "1,2" });
  });

  test("begins anew when the ids change under the same count: a restart", async () => {
    expect(await run([clients(1, 2), clients(1, 2), clients(1, 3)])).toEqual({ settled: true, ms: 4000, polls: 5, ids: "1,3" });
  });

  test("waits for what is missing: Bull's back-off after an outage", async () => {
    const late = [...Array.from({ length: 18 }, () => clients()), clients(1, 2)];
    expect(await run(late)).toEqual({ settled: true, ms: 20_000, polls: 21, ids: "1,2" });
  });

  test("lets a surplus pass that goes away: a graceful close", async () => {
    expect(await run([clients(1, 2, 9), clients(1, 2)])).toEqual({ settled: true, ms: 3000, polls: 4, ids: "1,2" });
  });

  test("ends with the window when a surplus stays, and shows it", async () => {
    expect(await run([clients(1, 2, 9)])).toEqual({ settled: false, ms: 45_000, polls: 46, ids: "1,2,9" });
  });

  test("does not end while something may still open a connection", async () => {
    expect(await run([clients(1, 2)], { steadyFrom: 2500 })).toMatchObject({ settled: true, ms: 3000 });
  });

  test("goes on after a poll that failed", async () => {
    expect(await run([new Error("reset"), clients(1, 2)])).toMatchObject({ settled: true, ms: 3000 });
  });

  test("fails with the last error when no poll succeeded", async () => {
    await expect(run([new Error("reset")], { windowMs: 3000 })).rejects.toThrow("reset");
  });
});

describe("asExpected", () => {
  const holders = new Map([["172.20.0.4", "api"], ["172.20.0.5", "worker"]]);
  const swapped = CLIENT_LINES.map((line) => line.replace("addr=172.20.0.4", "addr=172.20.0.5"));
  const dead = CLIENT_LINES.filter((line) => !line.includes("name=bull:"));
  test.each([
    ["the healthy list", CLIENT_LINES, holders, true],
    ["the healthy list, without a name service", CLIENT_LINES, new Map<string, string>(), true],
    ["connections of the right kinds, held by the wrong process", swapped, holders, false],
    ["the same where holders cannot be told", swapped, new Map<string, string>(), true],
    ["no blocked clients", dead, holders, false],
    ["no blocked clients, without a name service", dead, new Map<string, string>(), false],
    ["a stranger", [...CLIENT_LINES, client(70, "172.20.0.99", "")], holders, false],
    ["a stranger, without a name service", [...CLIENT_LINES, client(70, "172.20.0.99", "")], new Map<string, string>(), false],
    ["both blocked clients on one queue, without a name service", CLIENT_LINES.map((line) => line.replace("ZmlsZQ==", "ZW1haWw=")), new Map<string, string>(), false],
  ])("%s", (_, lines, known, expected) => {
    expect(asExpected(parseClientList(lines.join("\n")), known, EXPECTATIONS)).toBe(expected);
  });

  test("where data stands alone: everybody else's but a stranger's", () => {
    const node: NodeExpectation = {
      name: "data", address: "10.83.0.3", redis: "here", postgres: "here", api: "not used", at: {}, last: false, canary: false, instances: [], privatePorts: [], refused: [],
      others: [{ holder: "api@main", process: "api", address: "172.20.0.4" }, { holder: "worker@worker", process: "worker", address: "172.20.0.5" }],
    };
    const settled = (lines: readonly string[]): boolean => asExpected(parseClientList(lines.join("\n")), new Map(), { ...EXPECTATIONS, node });
    expect([settled(CLIENT_LINES), settled(CLIENT_LINES.slice(3)), settled([...CLIENT_LINES, client(70, "172.20.0.99", "")])]).toEqual([true, true, false]);
  });
});
