import { judge } from "./checks/index.ts";
import type { Gathered } from "./gather.ts";
import { withStanding } from "./standing.ts";
import type { Check, Expectations, Report } from "./types.ts";
import { decide, fail } from "./verdict.ts";

const RAN = "the verification ran to its end";

/** Judges what was gathered. */
export function report(gathered: Gathered, expectations: Expectations, totalMs: number): Report {
  const { facts, before, connections, settleMs, problems } = gathered;
  const own = problems.map((problem) => fail("verify.run", problem, RAN));
  const checks = [...own, ...withStanding(judge(facts, expectations), facts, before, expectations)];
  const release = facts.host.release.known ? facts.host.release.value : "";
  return { version: 1, release, at: facts.seen.at, ...decide(checks), settleMs, totalMs, connections, checks };
}

/** The report of a verification that could not run. It proves nothing, so that the release is not good. */
export function crashReport(reason: string, at: string, totalMs: number): Report {
  const checks: Check[] = [fail("verify.run", reason, RAN)];
  return { version: 1, release: "", at, ...decide(checks), settleMs: 0, totalMs, connections: [], checks };
}

/** 0 verified, 10 the release is the cause, 11 the host is (docs/architecture.md). */
export function exitCode({ cause }: Pick<Report, "cause">): 0 | 10 | 11 {
  if (cause === null) return 0;
  return cause === "release" ? 10 : 11;
}
