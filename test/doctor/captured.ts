import { readFileSync } from "node:fs";
import { join } from "node:path";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { parseDoctor } from "../../src/doctor/parse.ts";
import type { Diagnosis } from "../../src/doctor/types.ts";
import { splitSections } from "../../src/verify/facts.ts";

/**
 * What `server/doctor.sh` wrote on a stand-in server (Redis 8.0.2, Docker 26.1, cgroup v1): whole when it was healthy, and of each cause planted on
 * it the sections in which it shows. Left out: fields that nothing reads. `aof` and `mounted` were not captured: they are made from others'.
 */
export type Cause = "cpu" | "memory" | "swap" | "disk" | "foreign" | "keys" | "leak" | "hung" | "rdb" | "overcommit" | "thp" | "loading" | "aof" | "mounted";

function sections(name: "healthy" | Cause): ReadonlyMap<string, string> {
  return splitSections(readFileSync(join(import.meta.dirname, "captured", `${name}.txt`), "utf8"));
}

/** Facts of the healthy server, with what a cause changed and what a test changes; `undefined` takes a section out. */
export function stream(cause?: Cause, change: Readonly<Record<string, string | undefined>> = {}): string {
  const all: [string, string | undefined][] = [...new Map([...sections("healthy"), ...(cause === undefined ? [] : sections(cause)), ...Object.entries(change)])];
  return all.flatMap(([name, text]) => (text === undefined ? [] : [`@@ ${name}\n${text}\n`])).join("");
}

export function sectionNames(): string[] {
  return [...sections("healthy").keys()];
}

/** One section of the healthy server. */
export function healthySection(name: string): string {
  const text = sections("healthy").get(name);
  if (text === undefined) throw new Error(`no section ${name} was captured`);
  return text;
}

export function diagnosis(cause?: Cause, change?: Readonly<Record<string, string | undefined>>): Diagnosis {
  return diagnose(parseDoctor(stream(cause, change)));
}

export function ids({ findings }: Diagnosis): string[] {
  return findings.map(({ id }) => id);
}
