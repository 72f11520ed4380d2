import { expect, test } from "vitest";
import { judge, type Watched } from "./loading.ts";

/** A start as two watches see it: the old Redis until 1000, loading from 1200, serving at 3050. */
const REDIS: Watched["redis"] = [
  ...[800, 900].map((asked) => ({ asked, answered: asked + 5, value: "loaded" as const })),
  ...[1000, 1100].map((asked) => ({ asked, answered: asked + 5, value: "away" as const })),
  ...Array.from({ length: 19 }, (_, index) => ({ asked: 1200 + index * 100, answered: 1240 + index * 100, value: "loading" as const })),
  { asked: 3100, answered: 3105, value: "loaded" },
];
const LOG = { seconds: 1.85, servingAt: 3050 };

/** /readyz: 200 at these times, else 503. */
function readyz(...good: readonly number[]): Watched["readyz"] {
  return Array.from({ length: 25 }, (_, index) => 850 + index * 100).map((asked) => ({ asked, answered: asked + 10, value: good.includes(asked) ? 200 : 503 }));
}

test("a 200 of the old Redis and one after the load are as they should be", () => {
  expect(judge({ redis: REDIS, readyz: readyz(850, 3150, 3250) }, LOG)).toMatchObject({ askedWhileLoading: 18, tooEarly: [], readyAfterMs: 110 });
});

test("a 200 while Redis loads is too early", () => {
  expect(judge({ redis: REDIS, readyz: readyz(2050, 3150) }, LOG).tooEarly).toEqual([{ asked: 2050, answered: 2060, value: 200 }]);
});

test("… and so is one while it is away, or just before it serves", () => {
  expect(judge({ redis: REDIS, readyz: readyz(1050, 2950, 3150) }, LOG).tooEarly.map((it) => it.asked)).toEqual([1050, 2950]);
});

test("a log of another start than the one that was watched proves nothing", () => {
  expect(() => judge({ redis: REDIS, readyz: readyz(3150) }, { seconds: 9, servingAt: 500 })).toThrow("must agree");
  expect(() => judge({ redis: REDIS.filter((it) => it.value !== "loading"), readyz: readyz(3150) }, LOG)).toThrow("samples of a loading Redis are required");
});
