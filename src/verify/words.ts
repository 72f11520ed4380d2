/** Numbers, lists and errors for people. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Bytes with a binary unit: `192 MiB`, `1.5 GiB`. */
export function bytes(value: number): string {
  let amount = value;
  let unit = 0;
  while (Math.abs(amount) >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${Number.isInteger(amount) ? amount : amount.toFixed(1)} ${UNITS[unit]}`;
}

export function percent(part: number, whole: number): string {
  return `${Math.round((part / whole) * 100)} %`;
}

/** `1 connection`, `2 connections`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A value where an empty one must be seen. */
export function shown(value: string): string {
  return value === "" ? '""' : value;
}

/** The whole of an error in one line, with what caused it. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Every address refused: the reasons are inside, the outer message is empty.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  const cause = error.cause === undefined ? "" : `: ${messageOf(error.cause)}`;
  return `${error.message}${cause}`.replace(/\s+/g, " ").trim();
}
