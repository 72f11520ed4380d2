import { describe, expect, test } from "vitest";
import { budgetTotal, connectionBudget } from "../../src/redis/budget.ts";

/** Measured with Bull 4.16.5 and two queues (docs/verification.md). */
describe("connectionBudget of two queues", () => {
  test.each([
    ["adds jobs and reads counts", { listens: false, processes: false }, { client: 2, subscriber: 0, blocked: 0, other: 0 }, 2],
    ["also listens to global events", { listens: true, processes: false }, { client: 2, subscriber: 2, blocked: 0, other: 0 }, 4],
    ["processes", { listens: false, processes: true }, { client: 2, subscriber: 2, blocked: 2, other: 0 }, 6],
    ["does all of it", { listens: true, processes: true }, { client: 2, subscriber: 2, blocked: 2, other: 0 }, 6],
  ])("a process that %s", (_, process, budget, total) => {
    expect(connectionBudget(2, process)).toEqual(budget);
    expect(budgetTotal(connectionBudget(2, process))).toBe(total);
  });
});
