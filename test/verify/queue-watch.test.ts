import { describe, expect, test } from "vitest";
import { LOOKS, type QueueLook, QueueWatch } from "../../src/verify/queue-watch.ts";

const look = (change: Partial<QueueLook> = {}): QueueLook => ({ next: undefined, waiting: 0, active: [], unlocked: [], ...change });

/** What the watch says of one queue after these looks. */
function watched(...looks: readonly QueueLook[]) {
  const watch = new QueueWatch();
  for (const one of looks) watch.note(new Map([["file", one]]));
  return watch.result().get("file");
}

test("jobs that come and go leave no trace but the most there were", () => {
  expect(watched(look({ next: "1", waiting: 2 }), look({ active: ["1"], next: "2", waiting: 1 }), look({ active: ["2"] }), look()))
    .toEqual({ waiting: 2, active: 1, notBegun: 0, notTaken: 1, occupied: 1 });
});

test("a job that was handed over and is not begun is counted look by look, and not together with the next", () => {
  expect(watched(look({ active: ["1"], unlocked: ["1"] }), look({ active: ["1"], unlocked: ["1"] }), look(), look({ active: ["2"], unlocked: ["2"] }))?.notBegun).toBe(2);
});

test("the same next job while nothing is active", () => {
  const waits = look({ next: "7", waiting: 3 });
  expect(watched(waits, waits, waits)?.notTaken).toBe(3);
  expect(watched(waits, look({ next: "8", waiting: 2 }), waits)?.notTaken).toBe(1);
});

test("the same jobs active while another waits", () => {
  const full = look({ next: "9", waiting: 1, active: ["1", "2"] });
  expect(watched(full, full, full, full)?.occupied).toBe(4);
  expect(watched(full, look({ next: "9", waiting: 1, active: ["1", "3"] }), full)?.occupied).toBe(1);
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
  const handed = (id: string): QueueLook => look({ next: "900", waiting: 500, active: [id], unlocked: [id] });

  test.each<[string, (index: number) => QueueLook, number]>([
    ["nothing waits", () => look(), 1],
    ["jobs wait while others are at work: a worker that lives", (index) => look({ next: String(index + 1), waiting: 9, active: [String(index)] }), 1],
    ["a job was handed over and is not begun: a worker that hangs", () => handed("41"), LOOKS],
    ["a job is the next with nothing active", () => look({ next: "7", waiting: 900 }), LOOKS],
    ["it is begun at the third look", (index) => (index < 3 ? handed("41") : look({ active: ["41"] })), 3],
    ["another one at each look: a busy worker does not keep it open", (index) => handed(String(index)), LOOKS],
    ["the last of these stays: it is looked at to its end", (index) => handed(String(Math.min(index, 4))), LOOKS + 3],
  ])("%s", (_, lookAt, looks) => {
    expect(until(lookAt)).toBe(looks);
  });
});
