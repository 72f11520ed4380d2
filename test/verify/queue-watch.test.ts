import { describe, expect, test } from "vitest";
import { type ActiveJob, LOOKS, type QueueLook, QueueWatch } from "../../src/verify/queue-watch.ts";

const look = (change: Partial<QueueLook> = {}): QueueLook => ({ next: undefined, waiting: 0, active: [], finished: "", ...change });
/** A job that a worker began. */
const begun = (id: string, lockMs = 25_000): ActiveJob => ({ id, lockMs, begunAt: 1000 });
const left = (id: string): ActiveJob => ({ id, lockMs: undefined, begunAt: 1000 });
/** One that Redis handed to a worker. */
const handed = (id: string): ActiveJob => ({ id, lockMs: undefined, begunAt: undefined });

/** What the watch says of one queue after these looks. */
function watched(...looks: readonly QueueLook[]) {
  const watch = new QueueWatch();
  for (const one of looks) watch.note(new Map([["file", one]]));
  return watch.result().get("file");
}

test("jobs that come and go leave no trace but the most there were, and that they moved", () => {
  expect(watched(look({ next: "1", waiting: 2 }), look({ active: [begun("1")], next: "2", waiting: 1 }), look({ active: [begun("2")] }), look()))
    .toEqual({ waiting: 2, active: 1, notBegun: 0, notTaken: 1, occupied: 1, lost: [], moves: true });
});

test("a job that was handed over and is not begun is counted look by look, and not together with the next", () => {
  expect(watched(look({ active: [handed("1")] }), look({ active: [handed("1")] }), look(), look({ active: [handed("2")] }))).toMatchObject({ notBegun: 2, lost: [], moves: false });
});

test("the same next job while nothing is active", () => {
  const waits = look({ next: "7", waiting: 3 });
  expect(watched(waits, waits, waits)?.notTaken).toBe(3);
  expect(watched(waits, look({ next: "8", waiting: 2 }), waits)?.notTaken).toBe(1);
});

test("the same jobs at work while another waits; one that a dead worker left beside them is not at work", () => {
  const full = look({ next: "9", waiting: 1, active: [begun("1"), begun("2")] });
  expect(watched(full, full, full, full)?.occupied).toBe(4);
  expect(watched(full, look({ next: "9", waiting: 1, active: [begun("1"), begun("3")] }), full)?.occupied).toBe(1);
  expect(watched(full, { ...full, active: [...full.active, left("0")] }, full)?.occupied).toBe(3);
});

describe("a lock", () => {
  /** The looks at one job whose lock has so much left, in seconds; another waits. */
  const locks = (...seconds: readonly number[]) => watched(...seconds.map((remain) => look({ next: "9", waiting: 1, active: [begun("1", remain * 1000)] })));

  test("that is renewed each 15 s: the job is at work, however long it is watched", () => {
    expect(locks(...Array.from({ length: 45 }, (_, second) => 30 - (second % 16)))).toMatchObject({ occupied: 45, lost: [], moves: true });
  });

  test("that runs out: nobody works on the job, whether it was at work before or not", () => {
    expect(locks(...Array.from({ length: 28 }, (_, second) => 30 - second))).toMatchObject({ lost: [1000], moves: false });
  });

  test("that is gone, of a job that was begun", () => {
    const looks = (count: number) => Array.from({ length: count }, () => look({ active: [left("1")] }));
    expect(watched(...looks(LOOKS))).toMatchObject({ notBegun: 0, lost: [1000], moves: false });
    expect(watched(...looks(LOOKS - 1))?.lost).toEqual([]);
    expect(watched(...looks(LOOKS), look())?.lost, "given back").toEqual([]);
  });
});

test.each<[string, QueueLook, QueueLook]>([
  ["a job was begun", look(), look({ active: [begun("1")] })],
  ["one that was handed over was begun", look({ active: [handed("1")] }), look({ active: [begun("1")] })],
  ["a lock was renewed", look({ active: [begun("1", 16_000)] }), look({ active: [begun("1", 30_000)] })],
  ["a job finished", look({ finished: "1" }), look({ finished: "2" })],
])("somebody works: %s", (_, one, other) => {
  expect([watched(one, other)?.moves, watched(one, one)?.moves]).toEqual([true, false]);
});

describe("whether more looks may tell", () => {
  /** How many looks it takes until they do not. */
  function until(lookAt: (index: number) => QueueLook): number {
    const watch = new QueueWatch();
    for (let looks = 1; looks <= 20; looks += 1) {
      watch.note(new Map([["file", lookAt(looks)], ["email", look()]]));
      if (!watch.undecided()) return looks;
    }
    return Infinity;
  }
  const waits = (id: string): QueueLook => look({ next: "900", waiting: 500, active: [handed(id)] });

  test.each<[string, (index: number) => QueueLook, number]>([
    ["nothing waits", () => look(), 1],
    ["jobs wait while others are at work: a worker that lives", (index) => look({ next: String(index + 1), waiting: 9, active: [begun(String(index))] }), 1],
    ["a job was handed over and is not begun: a worker that hangs", () => waits("41"), LOOKS],
    ["a job is the next with nothing active", () => look({ next: "7", waiting: 900 }), LOOKS],
    ["it is begun at the third look", (index) => (index < 3 ? waits("41") : look({ active: [begun("41")] })), 3],
    ["a job was begun and has lost its lock", () => look({ active: [left("41")] }), LOOKS],
    ["another one at each look: a busy worker does not keep it open", (index) => waits(String(index)), LOOKS],
    ["the last of these stays: it is looked at to its end", (index) => waits(String(Math.min(index, 4))), LOOKS + 3],
  ])("%s", (_, lookAt, looks) => {
    expect(until(lookAt)).toBe(looks);
  });
});
