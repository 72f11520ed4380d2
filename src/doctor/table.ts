import { wrap } from "../verify/table.ts";
import type { Diagnosis, Finding, Line, StatsRow } from "./types.ts";

/** The diagnosis for people: plain text, 80 columns, the likeliest cause first. */

const COLUMNS = 80;
const INDENT = 4;
const LABEL = 10;
const SEEN_LABEL = 13;

function labelled(label: string, paragraphs: readonly string[]): string[] {
  const lines = paragraphs.flatMap((text) => wrap(text, COLUMNS - INDENT - LABEL));
  return lines.map((line, index) => `${" ".repeat(INDENT)}${(index === 0 ? label : "").padEnd(LABEL)}${line}`.trimEnd());
}

function block(finding: Finding, index: number, all: readonly Finding[]): string {
  const { id, level, what, evidence, next, changes, followsFrom } = finding;
  const [head = "", ...rest] = wrap(`${what} (${id}, ${level})`, COLUMNS - INDENT);
  const because = followsFrom.map((cause) => `${all.findIndex((one) => one.id === cause) + 1} ${cause}`);
  return [
    `${String(index + 1).padStart(INDENT - 2)}  ${head}`,
    ...rest.map((line) => `${" ".repeat(INDENT)}${line}`),
    ...labelled("evidence", evidence),
    // What to do about a consequence is to mend its cause.
    ...(because.length > 0 ? labelled("follows", [`from ${because.join(", ")}: mend that first`]) : labelled("next", [next])),
    ...(because.length > 0 ? [] : labelled("config", changes.map(({ key, to, hint }) => (to === undefined ? `berth:${key}${hint === undefined ? "" : `: ${hint}`}` : `npx pulumi config set --path berth:${key} ${to}`)))),
  ].join("\n");
}

function seen({ label, text, known }: Line): string {
  const lines = wrap(known ? text : `not known: ${text}`, COLUMNS - SEEN_LABEL);
  return lines.map((line, index) => `${(index === 0 ? label : "").padEnd(SEEN_LABEL)}${line}`.trimEnd()).join("\n");
}

function statsTable(rows: readonly StatsRow[]): string[] {
  if (rows.length === 0) return [];
  const width = Math.min(32, Math.max(9, ...rows.map(({ name }) => name.length)));
  const cells = (name: string, cpu: string, memory: string, share: string, io: string) =>
    `${name.slice(0, width).padEnd(width)}  ${cpu.padStart(8)}  ${share.padStart(7)}  ${memory.padEnd(23)}${io}`.trimEnd().slice(0, COLUMNS);
  return ["", cells("CONTAINER", "CPU %", "MEMORY / LIMIT", "MEM %", "BLOCK I/O"), ...rows.map(({ name, cpu, memory, memoryPercent, blockIo }) => cells(name, cpu, memory, memoryPercent, blockIo))];
}

/** The verdict in one line. */
export function verdictLine({ findings }: Pick<Diagnosis, "findings">): string {
  const [first] = findings;
  if (first === undefined) return "NOTHING AMISS";
  return `${findings.length === 1 ? "ONE FINDING:" : `${findings.length} FINDINGS, first`} ${first.id}: ${first.what}`;
}

/** Ends with a newline. */
export function doctorTable(diagnosis: Diagnosis): string {
  const { findings, release, at } = diagnosis;
  return [
    `Diagnosis${release === "" ? "" : ` of release ${release}`}, ${at}`,
    "",
    ...findings.map((finding, index) => `${block(finding, index, findings)}\n`),
    ...diagnosis.seen.map(seen),
    ...statsTable(diagnosis.stats),
    "",
    ...wrap(verdictLine(diagnosis), COLUMNS),
    "",
  ].join("\n");
}
