import { type Rule, RULES } from "./rules.ts";

/** The table of docs/verification.md, from the rules themselves. Ends with a newline. */
export function rulesTable(): string {
  const rules: readonly [string, Rule][] = Object.entries(RULES);
  const rows = rules.map(([id, { proves, cause, unknownPasses, todo }]) =>
    `| \`${id}\` | ${cell(proves)} | ${cause} | ${unknownPasses ? "yes" : "no"} | ${cell(todo)} |`);
  return `${["| check | proves | cause | unknown passes | when it fails |", "|---|---|---|---|---|", ...rows].join("\n")}\n`;
}

function cell(text: string): string {
  // Between backticks a page shows what stands there.
  return text.replaceAll("|", "\\|").split("`").map((part, index) => (index % 2 === 0 ? part.replaceAll("<", "&lt;") : part)).join("`");
}
