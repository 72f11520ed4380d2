import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { migrationRoomSeconds, RELEASE_SECONDS, stopSeconds, verifySeconds, waitSeconds } from "../../src/compose/periods.ts";
import { stack } from "../helpers/stack.ts";

test("a stop in order may take every grace period on its way", () => {
  // proxy 15, worker 60 (over the API's 30), Postgres 60 (over Redis' 30), 30 between them
  expect(stopSeconds(stack())).toBe(165);
  expect(stopSeconds(stack({ worker: { stopGraceSeconds: 300 } }))).toBe(405);
});

test("an up may take a stop, the loading of the data, and the application's own start", () => {
  expect(waitSeconds(stack())).toBe(165 + 120 + 180);
  expect(waitSeconds(stack({ redis: { loadSeconds: 600 } }))).toBe(165 + 600 + 180);
});

test("a verification may take its settle window and a minute and a half", () => {
  expect(verifySeconds(stack({ verify: { settleSeconds: 10 } }))).toBe(100);
});

test("a migration has the room that the rest of a release leaves under the bound of the host's lock", () => {
  // fetching 900, the start and the way back 465 each, verification 135
  expect(migrationRoomSeconds(stack())).toBe(5_400 - 900 - 2 * 465 - 135);
  expect(readFileSync(join(import.meta.dirname, "../../server/lock.sh"), "utf8")).toContain(`HOLD_SECONDS=\${BERTH_HOLD_SECONDS:-${RELEASE_SECONDS}}\n`);
});
