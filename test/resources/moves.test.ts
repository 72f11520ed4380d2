import { describe, expect, test } from "vitest";
import { type Book, concerned, describe as inWords, movesOf, parseBook, roomFault } from "../../src/resources/moves.ts";

const A = "10.83.7.7";
const B = "10.83.9.9";
const GB = 1_000_000_000;

/** What the first node says; Postgres is there and stays. */
const first = (redis: string, moving = ""): Book => parseBook(`redis ${redis}\n${moving}postgres here - 4000\nroom ${10 * GB}\nworkers ${A} ${B}\n`);
const other = (redis: string): Book => parseBook(`redis ${redis}\npostgres none - 0\nroom ${GB}\n`);
const redisTo = (to: string | null | undefined) => ({ redis: to, postgres: null });
const MOVING = "moving redis\n";

/** What is on the first node and in its book; what the node at A has; where Redis is to be; the move. */
test.each([
  ["all on one, and to stay so", first("here - 9"), undefined, null, []],
  ["to a node of its own", first("here - 9"), "none - 0", A, [{ role: "redis", from: null, to: A, bytes: 9 }]],
  ["to a node that has begun empty: what it has is put aside", first("here - 9"), "here - 1", A, [{ role: "redis", from: null, to: A, bytes: 9 }]],
  ["moved, and to stay there", first(`none ${A} 0`), "here - 9", A, []],
  ["back to the first node", first(`none ${A} 0`), "here - 9", null, [{ role: "redis", from: A, to: null, bytes: 9 }]],
  ["from one node to the next", first(`none ${A} 0`), "here - 9", B, [{ role: "redis", from: A, to: B, bytes: 9 }]],
  ["nothing was ever written", first("none - 0"), undefined, A, []],
  ["placed nowhere: managed by somebody else", first("here - 9"), undefined, undefined, []],
  ["scripts of before say no size", first("here -"), undefined, A, [{ role: "redis", from: null, to: A }]],
  ["cut off before the book was written: begun again", first("here - 9", MOVING), "here - 9", A, [{ role: "redis", from: null, to: A, bytes: 9 }]],
  ["cut off after it: the old copy is put aside, and the new one is not written over", first(`here ${A} 9`, MOVING), "here - 9", A, [{ role: "redis", from: null, to: A, bytes: 9, only: "aside" }]],
  ["and turns round when the configuration did: from where the book has it", first(`here ${A} 8`, MOVING), "here - 9", null, [{ role: "redis", from: A, to: null, bytes: 9 }]],
  ["on the way back, cut off before the book was written", first(`here ${A} 9`, MOVING), "none - 0", null, [{ role: "redis", from: A, to: null, bytes: 9, only: "book" }]],
  ["and turned round then", first(`here ${A} 9`, MOVING), "none - 0", A, [{ role: "redis", from: null, to: A, bytes: 9 }]],
  ["away from it, cut off as it gave its copy up: it goes on", first(`here ${A} 8`, MOVING), "here - 9\nleaving redis", null, [{ role: "redis", from: A, to: null, bytes: 9 }]],
  ["and turned round then: the other copy is put aside, and the node is told", first(`here ${A} 8`, MOVING), "here - 9\nleaving redis", A, [{ role: "redis", from: null, to: A, only: "stay" }]],
  ["and turned round when the other copy was on a third node: it is told", first(`none ${A} 0`, MOVING), "here - 9\nleaving redis", A, [{ role: "redis", from: null, to: A, only: "stay" }]],
  ["the first node's copy was brought back by hand after the other was lost", first(`here ${A} 9`), "none - 0", null, [{ role: "redis", from: A, to: null, bytes: 9, only: "book" }]],
] as const)("%s", (_, book, there, to, moves) => {
  expect(movesOf(book, redisTo(to), there === undefined ? new Map() : new Map([[A, other(there)]]))).toEqual(moves);
});

test("both at once, each by itself", () => {
  expect(movesOf(first("here - 9"), { redis: A, postgres: A })).toMatchObject([{ role: "redis", from: null, to: A }, { role: "postgres", from: null, to: A }]);
});

test("a host that keeps no book yet has nothing to move", () => {
  expect(movesOf(parseBook(""), redisTo(A))).toEqual([]);
});

test("the workers of the running release stop before data moves under them", () => {
  expect(first("here - 9").workers).toEqual([A, B]);
});

test("asked are only nodes that a move concerns", () => {
  expect(concerned(first("here - 9"), redisTo(null))).toEqual([]);
  expect(concerned(first(`none ${A} 0`), redisTo(A))).toEqual([]);
  expect(concerned(first("here - 9"), redisTo(A))).toEqual([A]);
  // A first deployment: nothing to move, and the first node's way to the others may not be there yet.
  expect(concerned(first("none - 0"), redisTo(A))).toEqual([]);
  expect(concerned(first(`none ${A} 0`), redisTo(B))).toEqual([A, B]);
  expect(concerned(first(`here ${A} 9`), redisTo(A))).toEqual([A]);
  expect(concerned(first(`none ${A} 0`, MOVING), redisTo(A))).toEqual([A]);
});

describe("what would lose data is refused", () => {
  test("two copies, and no move was under way", () => {
    expect(() => movesOf(first(`here ${A} 9`), redisTo(A), new Map([[A, other("here - 7")]]))).toThrowErrorMatchingInlineSnapshot(
      `[Refused: move redis: one copy of its data is required, found two: on the first node, and on the node at 10.83.7.7, where it is by the first node's book. No move was under way, so which is right cannot be told. Put the wrong one aside: sudo mv /mnt/berth/redis /mnt/berth/redis.aside on its node, its service stopped; then run the same command again]`);
  });

  test("nothing where the book has it", () => {
    expect(() => movesOf(first(`none ${A} 0`), redisTo(null), new Map([[A, other("none - 0")]]))).toThrowErrorMatchingInlineSnapshot(
      `[Refused: move redis: its data is required on the node at 10.83.7.7, as the first node's book says; found nothing there. Is its volume attached, and the right one? If there really is none any more: sudo rm /var/lib/berth/data-redis-at on the first node; redis then begins empty]`);
  });

  test("a target without room", () => {
    const moves = movesOf(first(`here - ${GB}`), redisTo(A), new Map([[A, other("none - 0")]]));
    expect(roomFault(moves, A, other("none - 0"))).toMatchInlineSnapshot(
      `"move redis: 1100 MB free are required on the node at 10.83.7.7, found 1000 MB. Give it a larger volume (volumeSizeGb of its entry in berth:nodes, or berth:volume.sizeGb), then run the same command again"`);
    expect(roomFault(moves, A, first("none - 0"))).toBeUndefined();
    expect(roomFault(moves, A, undefined)).toBeUndefined();
  });
});

test("a move in words", () => {
  const name = (address: string | null) => (address === null ? "node main" : "node redis");
  expect([
    inWords({ role: "redis", from: null, to: A, bytes: 12_300_000 }, name),
    inWords({ role: "postgres", from: A, to: null }),
    inWords({ role: "redis", from: null, to: A, only: "aside" }, name),
    inWords({ role: "redis", from: A, to: null, only: "book" }, name),
    inWords({ role: "redis", from: null, to: A, only: "stay" }, name),
  ]).toMatchInlineSnapshot(`
    [
      "redis: its data (13 MB) will be moved from node main to node redis; the application stops meanwhile, and a copy stays on node main",
      "postgres: its data will be moved from the node at 10.83.7.7 to the first node; the application stops meanwhile, and a copy stays on the node at 10.83.7.7",
      "redis: its data was moved to node redis by an update that was cut off; the old copy on node main will be put aside",
      "redis: its data was moved to node main by an update that was cut off; that will be written down",
      "redis: its data stays on node redis, which was giving it up in an update that was cut off",
    ]
  `);
});
