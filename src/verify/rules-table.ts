import { type Rule, RULES } from "./rules.ts";

const BEGIN = "<!-- rules: rendered from src/verify/rules.ts by `npm run render` -->\n";

/**
 * The page with its table of checks written anew; the table is its end.
 * @param page the text of docs/verification.md
 * @throws when the page has lost the comment above the table
 */
export function withRulesTable(page: string): string {
  const at = page.indexOf(BEGIN);
  if (at === -1) throw new Error(`rendering the table of checks: required the comment ${BEGIN.trim()} in docs/verification.md; found none; put it back above the table`);
  return `${page.slice(0, at)}${BEGIN}${rulesTable()}`;
}

function rulesTable(): string {
  const rules: readonly [string, Rule][] = Object.entries(RULES);
  const rows = rules.map(([id, { proves, cause, unknownPasses, todo }]) =>
    `| \`${id}\` | ${cell(proves)} | ${cause} | ${unknownPasses ? "yes" : "no"} | ${cell(todo)} |`);
  return `${["| check | proves | cause | unknown passes | when it fails |", "|---|---|---|---|---|", ...rows].join("\n")}\n`;
}

function cell(text: string): string {
  // Between backticks a page shows what stands there.
  return text.replaceAll("|", "\\|").split("`").map((part, index) => (index % 2 === 0 ? part.replaceAll("<", "&lt;") : part)).join("`");
}
