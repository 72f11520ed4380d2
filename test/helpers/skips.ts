import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

/** Which tests did not run, and why: a run on a machine that lacks a program must not look like one that showed everything. */
export interface Skip {
  readonly file: string;
  readonly test: string;
  /** As the test said: by `context.skip(condition, reason)`, or as `…, skipped: reason` in a name. */
  readonly reason: string | undefined;
}

/** A line for each file and reason, in the order of the files. */
export function skipLines(skips: readonly Skip[]): string[] {
  const groups = grouped(skips);
  return [...groups.values()].map((group) => {
    const [first] = group;
    if (first === undefined) return "";
    const what = group.length === 1 ? `"${first.test}"` : `${group.length} tests`;
    return `skipped: ${first.file}: ${what}: ${first.reason ?? "not selected, or no reason given"}`;
  });
}

function key({ file, reason }: Skip): string {
  return `${file}\n${reason ?? ""}`;
}

function grouped(skips: readonly Skip[]): Map<string, Skip[]> {
  const groups = new Map<string, Skip[]>();
  for (const skip of skips) groups.set(key(skip), [...(groups.get(key(skip)) ?? []), skip]);
  return groups;
}

/** The reason in a suite's or a test's own name: `under Pulumi's engine, skipped: \`pulumi\` is not on PATH`. */
export function reasonInName(name: string): string | undefined {
  return /\(?skipped:? ([^>)]+?)\)?(?: > |$)/.exec(name)?.[1]?.trim();
}

/** Writes the skips of a run as JSON to the file that BERTH_TEST_SKIPS names. */
export default class SkipsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const target = process.env["BERTH_TEST_SKIPS"];
    if (target === undefined) return;
    const skips = modules.flatMap((module) => [...module.children.allTests("skipped")].map((test): Skip => {
      const result = test.result();
      return { file: relative(process.cwd(), module.moduleId), test: test.fullName, reason: ("note" in result ? result.note : undefined) ?? reasonInName(test.fullName) };
    }));
    writeFileSync(target, JSON.stringify(skips));
  }
}
