import { type CheckId, ruleOf } from "./rules.ts";
import type { Cause, Check, Report } from "./types.ts";

/** Ways to say a verdict. Cause and advice come from the rule unless the check knows better. */

function causeOf(id: CheckId): Cause {
  return ruleOf(id)?.cause ?? "release";
}

export function pass(id: CheckId, seen: string, expected: string, warning?: string): Check {
  const check = { id, status: "pass", cause: causeOf(id), seen, expected, advice: "" } as const;
  return warning === undefined ? check : { ...check, warning };
}

export function fail(id: CheckId, seen: string, expected: string, advice = ruleOf(id)?.todo ?? ""): Check {
  return { id, status: "fail", cause: causeOf(id), seen, expected, advice };
}

/** @param why which fact is missing, in words */
export function unknown(id: CheckId, why: string, expected: string): Check {
  const advice = ruleOf(id)?.unknownPasses === true ? "" : "Mend what hides the fact, then `berth verify`: what cannot be seen does not pass here.";
  return { id, status: "unknown", cause: causeOf(id), seen: why, expected, advice };
}

/**
 * What the provider of a managed Redis keeps to itself. It passes: nobody but the provider can mend or see it.
 * @param why which fact, in words
 */
export function providerManaged(id: CheckId, why: string, expected: string): Check {
  return { id, status: "unknown", cause: causeOf(id), seen: `${PROVIDER_MANAGED}: ${why}`, expected, advice: "", providerManaged: true };
}

/** How a fact that the provider hides begins, wherever it is noticed. */
export const PROVIDER_MANAGED = "provider-managed";

/** Pass when no fault was found, else fail with all of them. */
export function verdict(id: CheckId, faults: readonly string[], seen: string, expected: string): Check {
  return faults.length === 0 ? pass(id, seen, expected) : fail(id, faults.join("; "), expected);
}

/** Whether a check lets the verification pass. */
export function passes(check: Check): boolean {
  return check.status === "pass" || check.providerManaged === true || (check.status === "unknown" && ruleOf(check.id)?.unknownPasses === true);
}

/** The verdict on all of them, and who decides the rollback: the release, when any that does not pass is a release's. */
export function decide(checks: readonly Check[]): Pick<Report, "verdict" | "cause"> {
  const against = checks.filter((check) => !passes(check));
  if (against.length === 0) return { verdict: "pass", cause: null };
  return { verdict: "fail", cause: against.some((check) => check.cause === "release") ? "release" : "host" };
}
