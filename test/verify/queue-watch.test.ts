import { expect, test } from "vitest";
import { type QueueLook, QueueWatch } from "../../src/verify/queue-watch.ts";

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
