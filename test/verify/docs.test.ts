import { expect, test } from "vitest";
import { RULES } from "../../src/verify/rules.ts";
import { withRulesTable } from "../../src/verify/rules-table.ts";

test("a page without its comment is refused, and not written over", () => {
  expect(() => withRulesTable("# Verification\n")).toThrow(/^rendering the table of checks: required the comment <!-- rules: .* --> in docs\/verification\.md; found none; put it back above the table$/);
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
