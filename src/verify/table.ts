import type { Check, Report } from "./types.ts";
import { passes } from "./verdict.ts";
import { plural } from "./words.ts";

/** The report for people: plain text, 80 columns, what does not pass first and with its advice. */

const COLUMNS = 80;
const STATUS_WIDTH = 6;
const LABEL_WIDTH = 10;

type Row = "FAIL" | "????" | "warn" | "prov" | "ok" | "n/a";

/** `????` is an unknown that does not pass, `n/a` one that does, `prov` what a managed Redis's provider keeps to itself. */
function rowOf(check: Check): Row {
  if (check.status === "fail") return "FAIL";
  if (check.providerManaged === true) return "prov";
  if (check.status === "unknown") return passes(check) ? "n/a" : "????";
  return check.warning === undefined ? "ok" : "warn";
}

const ORDER: readonly Row[] = ["FAIL", "????", "warn", "prov", "n/a", "ok"];

/** Breaks at blanks; a longer word than the line is left whole, and so is a command between backticks, so that they can be copied. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? [""]) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function labelled(label: string, text: string): string {
  const indent = " ".repeat(STATUS_WIDTH);
  const lines = wrap(text, COLUMNS - STATUS_WIDTH - LABEL_WIDTH);
  return lines.map((line, index) => `${indent}${(index === 0 ? label : "").padEnd(LABEL_WIDTH)}${line}`.trimEnd()).join("\n");
}

function block(check: Check): string {
  const cause = check.standing === true ? "host: so before the release" : check.cause;
  const head = `${rowOf(check).padEnd(STATUS_WIDTH)}${check.id} (${cause})`;
  const parts = [labelled("seen", check.seen), labelled("expected", check.expected)];
  if (check.advice !== "") parts.push(labelled("to do", check.advice));
  return [head, ...parts].join("\n");
}

function row(check: Check, idWidth: number): string {
  const start = `${rowOf(check).padEnd(STATUS_WIDTH)}${check.id.padEnd(idWidth)}  `;
  const said = check.warning === undefined ? check.seen : `${check.seen} (${check.warning})`;
  const lines = wrap(said, COLUMNS - start.length);
  return lines.map((line, index) => `${index === 0 ? start : " ".repeat(start.length)}${line}`.trimEnd()).join("\n");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The verdict, the counts and the times, a line each. */
export function summary(report: Report): string {
  const count = (wanted: Row) => report.checks.filter((check) => rowOf(check) === wanted).length;
  const parts = [
    plural(report.checks.length, "check"), `${count("ok") + count("warn")} passed`, `${count("FAIL")} failed`,
    `${count("????") + count("n/a")} unknown`,
    ...(count("prov") > 0 ? [`${count("prov")} provider-managed`] : []), ...(count("warn") > 0 ? [plural(count("warn"), "warning")] : []),
  ];
  const verdict = report.cause === null ? "VERIFIED" : `FAILED, because of the ${report.cause}`;
  // Nothing settles in a look from outside.
  const settled = report.settleMs === 0 ? "" : `settled in ${seconds(report.settleMs)}, `;
  return `${verdict}\n${parts.join(", ")}\n${settled}${seconds(report.totalMs)} in all`;
}

/** The verdict and the counts in one line, for a stack's outputs. */
export function verdictLine(report: Report): string {
  return summary(report).split("\n").slice(0, 2).join(": ");
}

function inOrder(checks: readonly Check[]): Check[] {
  return ORDER.flatMap((wanted) => checks.filter((check) => rowOf(check) === wanted));
}

/** Each check, what does not pass first and as a block with its advice. */
export function checkList(checks: readonly Check[]): string[] {
  const others = checks.filter(passes);
  const idWidth = Math.max(0, ...others.map(({ id }) => id.length));
  return [...inOrder(checks.filter((check) => !passes(check))).map((check) => `${block(check)}\n`), ...inOrder(others).map((check) => row(check, idWidth))];
}

/** Ends with a newline. */
export function table(report: Report): string {
  const release = report.release === "" ? "" : ` of release ${report.release}`;
  return [
    `Verification${release}, ${report.at}`,
    "",
    ...checkList(report.checks),
    "",
    summary(report),
    "",
  ].join("\n");
}
