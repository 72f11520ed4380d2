import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type EngineChoice, ENGINES, onPath } from "../../rehearsal/engine/choice.ts";
import { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { Steps } from "../../rehearsal/steps.ts";
import type { Check, Report } from "../../src/verify/types.ts";

export const ROOT = join(import.meta.dirname, "../..");

/** Why tests of the real engine cannot run here; undefined when they can. */
export const noPulumi = onPath("pulumi") === undefined ? "skipped: `pulumi` is not on PATH" : undefined;

/** Every end-to-end test runs under the real engine too: `BERTH_TEST_ENGINE=pulumi npm test -- --project e2e --project e2e-alone`. */
function engineOfTests(): EngineChoice {
  const asked = process.env["BERTH_TEST_ENGINE"] ?? "in-process";
  const choice = ENGINES.find((it) => it === asked);
  if (choice === undefined) throw new Error(`BERTH_TEST_ENGINE: one of ${ENGINES.join(", ")} is required, found ${asked}`);
  return choice;
}

/** A rehearsal for the tests of one file: brought up before them, taken down after them whatever happens. */
export function rehearsed({ engine = engineOfTests() }: { readonly engine?: EngineChoice } = {}): { readonly it: Rehearsal } {
  const holder: { it?: Rehearsal } = {};
  beforeAll(async () => {
    holder.it = await Rehearsal.start({ steps: new Steps(process.stderr, true), engine });
  });
  afterAll(async () => {
    await holder.it?.close();
  });
  return {
    get it(): Rehearsal {
      if (holder.it === undefined) throw new Error("the rehearsal did not start");
      return holder.it;
    },
  };
}

/** Ids of the checks that did not pass. */
export function notPassed(report: Report): string[] {
  return report.checks.filter((it) => it.status !== "pass").map((it) => it.id).toSorted();
}

export function check(report: Pick<Report, "checks">, id: string): Check {
  const found = report.checks.find((it) => it.id === id);
  if (found === undefined) throw new Error(`no check ${id} in the report; there are ${report.checks.map((it) => it.id).join(", ")}`);
  return found;
}
