import type { Fault } from "./fault.ts";

/** Shorter ones would cut common words out of the message. */
const SHORTEST = 4;

/** Long enough for any image with a digest; a message stays readable. */
const LONGEST = 200;

/**
 * The same faults with every value under `secrets` struck out, wherever it also stands: a password pasted into the wrong key
 * must not reach a log by way of the error that says so. Long texts are cut short only then.
 */
export function redact(faults: readonly Fault[], input: unknown): Fault[] {
  const section: unknown = typeof input === "object" && input !== null ? Reflect.get(input, "secrets") : undefined;
  const values = [...new Set(texts(section).flatMap(withPassword).filter((it) => it.trim().length >= SHORTEST))].toSorted((a, b) => b.length - a.length);
  const strike = (text: string): string =>
    values.reduce((rest, value) => rest.replaceAll(value, "[secret]").replaceAll(JSON.stringify(value).slice(1, -1), "[secret]"), text);
  return faults.map((fault) => ({ path: clip(strike(fault.path)), required: strike(fault.required), found: clip(strike(fault.found)) }));
}

function clip(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/** A URL is secret for the password in it, which may stand elsewhere alone. */
function withPassword(text: string): string[] {
  const password = URL.canParse(text) ? new URL(text).password : "";
  return [text, password];
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(texts);
  return [];
}
