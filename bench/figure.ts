/** One measured figure, with what it is held against. */
export interface Figure {
  /** What was measured, in a few words. */
  readonly name: string;
  /** As a person reads it, with its unit. */
  readonly seen: string;
  /** The number behind it, for the JSON; its unit is in `unit`. */
  readonly value: number;
  readonly unit: string;
  /** Such as "<= 4 s"; absent: only told. */
  readonly target?: string;
  readonly met?: boolean;
}

/** One part of the bench: it runs, and says what it saw. A part that cannot run here says why instead. */
export interface Part {
  readonly name: string;
  readonly about: string;
  readonly run: (context: Context) => Promise<readonly Figure[] | string>;
}

export interface Context {
  /** Fewer and shorter rounds: to see that it works, not for figures to publish. */
  readonly quick: boolean;
  readonly say: (line: string) => void;
}

export function atMost(name: string, value: number, unit: string, bound: number): Figure {
  return { name, seen: `${number(value)} ${unit}`, value, unit, target: `<= ${number(bound)} ${unit}`, met: value <= bound };
}

export function atLeast(name: string, value: number, unit: string, bound: number): Figure {
  return { name, seen: `${number(value)} ${unit}`, value, unit, target: `>= ${number(bound)} ${unit}`, met: value >= bound };
}

export function told(name: string, value: number, unit: string): Figure {
  return { name, seen: `${number(value)} ${unit}`, value, unit };
}

/** Three significant digits, and none of a thousand's. */
export function number(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
}

export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, seen, target = "", met }) => [name, seen, target, met === undefined ? "" : met ? "ok" : "MISSED"]);
  const width = (column: number): number => Math.max(0, ...rows.map((row) => (row[column] ?? "").length));
  return rows.map((row) => `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(width(0)) : cell.padStart(width(column)))).join("  ")}`.trimEnd()).join("\n");
}
