import type { z } from "zod";
import { foundText, kindText, pathText, type Fault } from "./fault.ts";

type Issue = z.core.$ZodIssue;
type RawIssue = z.core.$ZodRawIssue;

/**
 * What zod is to say where the schema says nothing itself: the requirement alone, since path and finding are added here.
 * To be given to `safeParse` as its `error`.
 */
export function requirement(issue: RawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeText(issue.expected);
    case "invalid_value":
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_small":
      return sizeText(issue.origin, "at least", Number(issue.minimum));
    case "too_big":
      return sizeText(issue.origin, "at most", Number(issue.maximum));
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_format":
      return formatText(issue.format);
    case "unrecognized_keys":
      return "keys that Berth knows";
    case "invalid_key":
      return "a valid name";
    case "invalid_union":
    case "invalid_element":
    case "custom":
      return "a valid value";
    default:
      return "a valid value";
  }
}

function typeText(expected: string): string {
  switch (expected) {
    case "object":
    case "record":
      return "a map";
    case "array":
      return "a list";
    case "int":
    case "number":
      // Every number of the schema is a whole one.
      return "a whole number";
    case "boolean":
      return "true or false";
    case "string":
      return "a text";
    default:
      return expected;
  }
}

function sizeText(origin: string, bound: string, size: number): string {
  if (origin === "string") return size === 1 && bound === "at least" ? "a text that is not empty" : `a text of ${bound} ${size} characters`;
  if (origin === "array") return `a list of ${bound} ${size}`;
  return `${bound} ${size}`;
}

function formatText(format: string): string {
  if (format === "email") return "an e-mail address";
  if (format === "hostname") return "a DNS name such as app.example.com";
  return `a valid ${format}`;
}

/** Turn zod's issues about `input` into faults: one a path, each of them with what was found there. */
export function faultsOf(issues: readonly Issue[], input: unknown, known: (path: readonly PropertyKey[]) => readonly string[]): Fault[] {
  const byPath = new Map<string, Fault>();
  for (const fault of issues.flatMap((issue) => issueFaults(issue, input, known))) {
    const earlier = byPath.get(fault.path);
    // A value may break two requirements of one key; it is still one thing to correct.
    if (earlier === undefined) byPath.set(fault.path, fault);
    else if (!earlier.required.includes(fault.required)) byPath.set(fault.path, { ...earlier, required: `${earlier.required}, and ${fault.required}` });
  }
  return [...byPath.values()];
}

function issueFaults(issue: Issue, input: unknown, known: (path: readonly PropertyKey[]) => readonly string[]): Fault[] {
  if (issue.code === "unrecognized_keys") {
    const names = known(issue.path);
    return issue.keys.map((key) => ({
      path: pathText([...issue.path, key]),
      required: unknownKeyText(key, names),
      found: "an unknown key",
    }));
  }
  if (issue.code === "invalid_key") {
    return [{ path: pathText(issue.path), required: issue.issues[0]?.message ?? issue.message, found: "another name" }];
  }
  return [{ path: pathText(issue.path), required: issue.message, found: describe(valueAt(input, issue.path), issue.path) }];
}

/** Values under `secrets` are never shown, nor those of `app.env`, where a secret may have strayed. */
function describe(value: unknown, path: readonly PropertyKey[]): string {
  const isPrivate = path[0] === "secrets" || (path[0] === "app" && path[1] === "env");
  return isPrivate ? kindText(value) : foundText(value);
}

function unknownKeyText(key: string, names: readonly string[]): string {
  const near = names.find((name) => isNear(name.toLowerCase(), key.toLowerCase()));
  const list = `one of ${names.join(", ")}`;
  return near === undefined ? list : `${JSON.stringify(near)}, if that was meant, or ${list}`;
}

/** The value at a path, or undefined where the path leads nowhere. */
export function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let at = input;
  for (const part of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = Reflect.get(at, part);
  }
  return at;
}

/** Whether two names are at most two edits apart, or the same but for `-` and `_`. */
function isNear(a: string, b: string): boolean {
  if (plain(a) === plain(b)) return true;
  return Math.min(a.length, b.length) > 3 && editDistance(a, b) <= 2;
}

function plain(name: string): string {
  return name.replaceAll(/[-_]/g, "");
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
