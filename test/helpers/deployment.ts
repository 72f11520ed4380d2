import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { Steps } from "../../rehearsal/steps.ts";
import type { Check, Report } from "../../src/verify/types.ts";

export const ROOT = join(import.meta.dirname, "../..");

/** A rehearsal for the tests of one file: brought up before them, taken down after them whatever happens. */
export function rehearsed(): { readonly it: Rehearsal } {
  const holder: { it?: Rehearsal } = {};
  beforeAll(async () => {
    holder.it = await Rehearsal.start({ steps: new Steps(process.stderr, true) });
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
  return report.checks.filter((check) => check.status !== "pass").map((check) => check.id).toSorted();
}

export function check(report: Report, id: string): Check {
  const found = report.checks.find((it) => it.id === id);
  if (found === undefined) throw new Error(`no check ${id} in the report; there are ${report.checks.map((it) => it.id).join(", ")}`);
  return found;
}
