import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RULES } from "../../src/verify/rules.ts";
import { rulesTable } from "../../src/verify/rules-table.ts";

test("docs/verification.md has every check as the rules have it", () => {
  const page = readFileSync(new URL("../../docs/verification.md", import.meta.url), "utf8");
  expect(page.slice(page.indexOf("| check | proves")), "put the output of rulesTable() at the end of docs/verification.md").toBe(rulesTable());
});

test("unknown never passes where data, exposure or persistence is concerned", () => {
  const lenient = Object.entries(RULES).filter(([, { unknownPasses }]) => unknownPasses).map(([id]) => id);
  expect(lenient).toEqual([
    "redis.evictions", "redis.rejected", "redis.fork", "redis.hugepages", "redis.overcommit", "redis.swap", "app.consuming", "host.memory", "limits.cpu", "drift.kernel",
  ]);
});

test("the host is the cause of what a rollback cannot mend", () => {
  const host = Object.entries(RULES).filter(([, { cause }]) => cause === "host").map(([id]) => id);
  expect(host).toEqual(["redis.aof-status", "redis.hugepages", "redis.overcommit", "redis.swap", "host.volume", "host.disk", "host.memory", "proxy.certificate", "drift.kernel", "host.clock"]);
});
