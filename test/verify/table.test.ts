import { describe, expect, test } from "vitest";
import { judge } from "../../src/verify/checks/index.ts";
import { crashReport, exitCode, report } from "../../src/verify/report.ts";
import { table, wrap } from "../../src/verify/table.ts";
import { connectionsOf, holdersOf } from "../../src/verify/attribution.ts";
import { parseClientList } from "../../src/redis/clients.ts";
import { client, CLIENT_LINES, EXPECTATIONS, facts } from "./healthy.ts";

function reportOf(change: Parameters<typeof facts>[0], problems: string[] = []) {
  const all = facts(change);
  const lines = change?.clients ?? CLIENT_LINES;
  const connections = connectionsOf(parseClientList(lines.join("\n")), holdersOf(all), EXPECTATIONS.queues);
  return report({ facts: all, before: undefined, connections, settleMs: 2004, problems }, EXPECTATIONS, 2390);
}

const HEALTHY = reportOf({});
const BAD = reportOf({
  clients: [...CLIENT_LINES, client(44, "172.20.0.4", "leak", { cmd: "get", age: 12 })],
  info: { maxmemory_policy: "allkeys-lru", used_memory: "150000000" },
  sections: { drift: undefined, meminfo: undefined },
});

test("the table of a healthy server", async () => {
  await expect(table(HEALTHY)).toMatchFileSnapshot("golden/table-healthy.txt");
});

test("the table of a bad one: what does not pass comes first, with what to do", async () => {
  await expect(table(BAD)).toMatchFileSnapshot("golden/table-bad.txt");
  const heads = table(BAD).split("\n").filter((line) => /^(?:FAIL|\?\?\?\?|warn|n\/a|ok) /.test(line)).map((line) => line.split(/\s+/)[0]);
  expect([...new Set(heads)]).toEqual(["FAIL", "????", "warn", "n/a", "ok"]);
});

test.each([["healthy", HEALTHY], ["bad", BAD]])("80 columns at most, plain ASCII: %s", (_, one) => {
  for (const line of table(one).split("\n")) {
    expect(line.length).toBeLessThanOrEqual(80);
    expect(line).toMatch(/^[\x20-\x7e]*$/);
  }
});

test("a word longer than the line is left whole, to be copied", () => {
  expect(wrap(`see ${"x".repeat(90)} now`, 20)).toEqual(["see", "x".repeat(90), "now"]);
});

test("a command between backticks is left whole, to be copied; a backtick alone is a letter", () => {
  expect(wrap("first `berth ssh -- sudo docker restart shop-redis-1`, then again", 30)).toEqual(["first", "`berth ssh -- sudo docker restart shop-redis-1`,", "then again"]);
  expect(wrap("a ` b", 20)).toEqual(["a ` b"]);
});

describe("report", () => {
  test("names the release, the counts, every connection but the health check's, and the cause", () => {
    expect(BAD).toMatchObject({ version: 1, release: "0123456789ab", at: "2026-11-01T12:10:00.000Z", verdict: "fail", cause: "release", settleMs: 2004, totalMs: 2390 });
    expect(BAD.connections).toHaveLength(11);
    expect(BAD.connections.find(({ name }) => name === "leak")).toEqual({
      id: "44", address: "172.20.0.4:40044", name: "leak", kind: "client", holder: "api", ageSeconds: 12, lastCommand: "get",
    });
    expect(BAD.checks).toEqual(judge(facts({
      clients: [...CLIENT_LINES, client(44, "172.20.0.4", "leak", { cmd: "get", age: 12 })],
      info: { maxmemory_policy: "allkeys-lru", used_memory: "150000000" }, sections: { drift: undefined, meminfo: undefined },
    }), EXPECTATIONS));
  });

  test("is one line of JSON", () => {
    expect(JSON.stringify(BAD)).not.toContain("\n");
  });

  test("a fault of the looking itself fails, whatever else was seen", () => {
    const spoilt = reportOf({}, ["the facts of the host on standard input: no answer within 60000 ms"]);
    expect([spoilt.verdict, spoilt.cause, spoilt.checks[0]?.id]).toEqual(["fail", "release", "verify.run"]);
  });

  test("a crash is a report too", () => {
    expect(crashReport("boom", "2026-11-01T12:10:00.000Z", 5)).toMatchObject({ verdict: "fail", cause: "release", checks: [{ id: "verify.run", status: "fail", seen: "boom" }] });
  });

  test.each([[null, 0], ["release", 10], ["host", 11]] as const)("cause %s exits %s", (cause, code) => {
    expect(exitCode({ cause })).toBe(code);
  });
});
