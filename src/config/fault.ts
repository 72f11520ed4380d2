/** One thing wrong with a configuration. `required` and `found` complete those words; neither ever quotes a secret. */
export interface Fault {
  /** Dotted, as under `berth:`, such as `redis.maxmemoryMb` or `ssh.sources[0]`. */
  readonly path: string;
  readonly required: string;
  readonly found: string;
}

const NEXT =
  "next: correct these keys in Pulumi.<stack>.yaml (`npx berth init <stack>` writes missing secrets), then run the same command again; nothing was touched";

/** Every fault of a configuration in one message: a line each, then what to do next. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** Pulumi shows an error with this mark by its message alone. The mark rather than its class: this room does not know Pulumi. */
  readonly __pulumiRunError = true;
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[], next: string = NEXT) {
    super([...faults.map(faultLine), next].join("\n"));
    this.faults = faults;
  }
}

/** `path: required …; found …`, always one line. */
export function faultLine(fault: Fault): string {
  return `${oneLine(fault.path)}: required ${oneLine(fault.required)}; found ${oneLine(fault.found)}`;
}

/** Dotted path; a part that is no plain name is quoted, so that a strange key cannot break the line. */
export function pathText(path: readonly PropertyKey[]): string {
  const text = path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      const name = String(part);
      if (!/^[A-Za-z_][A-Za-z0-9_-]{0,127}$/.test(name)) return `[${JSON.stringify(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join("");
  return text === "" ? "berth" : text;
}

/** Name a value for a message: scalars as they are, structures by their kind. Not cut short: a secret cut in two is no longer found. */
export function foundText(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (value === "") return "an empty text";
  if (typeof value === "string") return value.includes("PRIVATE KEY") ? "a private key (not shown)" : JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return kindText(value);
}

/** Name a value by its kind alone: for secrets, and for whatever might hold one. */
export function kindText(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 1 ? "a list of one" : `a list of ${value.length}`;
  if (typeof value === "object") return "a map";
  if (typeof value !== "string") return `a ${typeof value}`;
  if (value === "") return "an empty text";
  return value.trim() === "" ? "a blank text" : "another text (not shown)";
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}
