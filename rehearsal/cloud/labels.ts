import { invalidField } from "./errors.ts";

export type Labels = Readonly<Record<string, string>>;

/**
 * Hetzner's label selectors: `key`, `!key`, `key=value`, `key==value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`,
 * joined by commas. `key!=value` also holds for what lacks the key.
 * @throws {ApiError} invalid_input for anything else
 */
export function matchesSelector(labels: Labels, selector: string): boolean {
  return terms(selector).every((term) => matchesTerm(labels, term));
}

/** Commas separate terms, but not inside the brackets of a set. */
function terms(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== "");
}

function matchesTerm(labels: Labels, term: string): boolean {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const [, key = "", operator, list = ""] = set;
    const value = labels[key];
    const listed = value !== undefined && list.split(",").some((item) => item.trim() === value);
    return operator === "in" ? listed : !listed;
  }
  const compared = /^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$/.exec(term);
  if (compared !== null) {
    const [, key = "", operator, value = ""] = compared;
    return operator === "!=" ? labels[key] !== value : labels[key] === value;
  }
  const present = /^(!?)([^\s=!()]+)$/.exec(term);
  if (present === null) throw invalidField("label_selector", `cannot parse '${term}'`);
  const [, not, key = ""] = present;
  return (key in labels) === (not === "");
}
