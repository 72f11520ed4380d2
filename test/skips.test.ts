import { expect, test } from "vitest";
import { reasonInName, skipLines } from "./helpers/skips.ts";

test("tests of one file that were skipped for one reason are one line, with the reason", () => {
  const file = "test/e2e/engine.test.ts";
  const reason = "`pulumi` is not on PATH";
  expect(skipLines([
    { file, test: "a", reason },
    { file, test: "b", reason },
    { file: "test/parts/cloud-python.test.ts", test: "the whole life", reason: "hcloud client: no network" },
    { file: "test/x.test.ts", test: "c", reason: undefined },
  ])).toMatchInlineSnapshot(`
    [
      "skipped: test/e2e/engine.test.ts: 2 tests: \`pulumi\` is not on PATH",
      "skipped: test/parts/cloud-python.test.ts: "the whole life": hcloud client: no network",
      "skipped: test/x.test.ts: "c": not selected, or no reason given",
    ]
  `);
});

test.each([
  ["under Pulumi's engine, skipped: `pulumi` is not on PATH > a bare server becomes a verified application", "`pulumi` is not on PATH"],
  ["the scripts satisfy shellcheck (skipped: it is not installed here; apt-get install shellcheck)", "it is not installed here; apt-get install shellcheck"],
  ["and Pulumi knows its options (skipped without pulumi on PATH)", "without pulumi on PATH"],
  ["a second up changes nothing", undefined],
])("%s", (name, reason) => {
  expect(reasonInName(name)).toBe(reason);
});
