import { accessRules } from "./rules-access.ts";
import { applicationRules } from "./rules-application.ts";
import { budgetRules } from "./rules-budget.ts";
import { imageRules } from "./rules-image.ts";
import { nodeRules } from "./rules-nodes.ts";
import { redisRules } from "./rules-redis.ts";
import type { Fault } from "./fault.ts";
import type { Config } from "./schema.ts";

/** What several keys must mean together. A rule is left out when one of the keys it reads is itself at fault. */
export interface Rule {
  /** Keys it reads, dotted. */
  readonly reads: readonly string[];
  readonly judge: (config: Config) => readonly Fault[];
}

/** The rules that need nothing but the configuration. */
export const rules: readonly Rule[] = [...imageRules, ...accessRules, ...applicationRules, ...redisRules, ...nodeRules, ...budgetRules];

/** Every contradiction that these rules find, less those about a key in `spoiled`. */
export function contradictions(config: Config, among: readonly Rule[], spoiled: readonly string[] = []): Fault[] {
  return among.filter((rule) => !rule.reads.some((key) => spoiled.some((bad) => overlaps(key, bad)))).flatMap((rule) => rule.judge(config));
}

/** Whether one of two paths is the other or lies within it. */
function overlaps(a: string, b: string): boolean {
  return a === b || isWithin(a, b) || isWithin(b, a);
}

function isWithin(inner: string, outer: string): boolean {
  return outer === "berth" || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);
}
