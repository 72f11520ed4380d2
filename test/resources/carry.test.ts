import { expect, test } from "vitest";
import { movesOf, workersOf } from "../../src/resources/carry.ts";

const A = "10.83.7.7";
const B = "10.83.9.9";
const book = (redis: string, postgres = "here -"): string => `redis ${redis}\npostgres ${postgres}\nworkers ${A} ${B}\n`;

/** What is on the first node and what its book says; where Redis is to be; the move. Postgres stays. */
test.each([
  ["all on one, and to stay so", "here -", null, []],
  ["to a node of its own", "here -", A, [{ role: "redis", from: null, to: A }]],
  ["moved, and to stay there", `none ${A}`, A, []],
  ["back to the first node", `none ${A}`, null, [{ role: "redis", from: A, to: null }]],
  ["from one node to the next", `none ${A}`, B, [{ role: "redis", from: A, to: B }]],
  ["a move that was cut off before the old copy was put aside goes on", `here ${A}`, A, [{ role: "redis", from: null, to: A }]],
  ["and turns round when the configuration did", `here ${A}`, null, [{ role: "redis", from: A, to: null }]],
  ["nothing was ever written", "none -", A, []],
  ["placed nowhere: managed by somebody else", "here -", undefined, []],
] as const)("%s", (_, redis, to, moves) => {
  expect(movesOf(book(redis), { redis: to, postgres: null })).toEqual(moves);
});

test("both at once, each by itself", () => {
  expect(movesOf(book("here -"), { redis: A, postgres: A })).toEqual([{ role: "redis", from: null, to: A }, { role: "postgres", from: null, to: A }]);
});

test("a host that keeps no book yet has nothing to move", () => {
  expect(movesOf("", { redis: A, postgres: null })).toEqual([]);
  expect(workersOf("")).toEqual([]);
});

test("the workers of the running release stop before data moves under them", () => {
  expect(workersOf(book("here -"))).toEqual([A, B]);
});
