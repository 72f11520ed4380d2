import { at, entriesAt, listAt, numberAt, textAt } from "./json.ts";
import type { Expectations } from "./types.ts";

/** Paths that the checks read without asking again. */
const TEXTS = [
  ["project"], ["postgres", "host"], ["postgres", "database"], ["postgres", "user"],
  ["postgres", "passwordFile"], ["api", "url"], ["api", "readyPath"],
] as const;
const VOLUME = [["volume", "id"], ["volume", "mount"]] as const;
const NUMBERS = [["connectionCeiling"], ["redis", "maxmemoryBytes"], ["postgres", "port"], ["settleSeconds"]] as const;
const TABLES = [["images"], ["memoryBytes"], ["cpuShares"], ["kernel"], ["processes", "api"], ["processes", "worker"]] as const;

/**
 * Reads expect.json. The file is rendered and content-addressed, so that this only guards against another version's.
 *
 * @throws naming the first key that is missing
 */
export function readExpectations(text: string): Expectations {
  const value: unknown = JSON.parse(text);
  demandAll(value);
  return value;
}

function demandAll(value: unknown): asserts value is Expectations {
  const missing = (path: readonly string[]) => new Error(`reading the release's expectations: required: ${path.join(".")}; found: ${JSON.stringify(at(value, ...path)) ?? "nothing"}; render the release again`);
  for (const path of TEXTS) if (textAt(value, ...path) === undefined) throw missing(path);
  for (const path of NUMBERS) if (numberAt(value, ...path) === undefined) throw missing(path);
  for (const path of TABLES) if (entriesAt(value, ...path).length === 0) throw missing(path);
  // Null on a node that keeps nothing.
  if (at(value, "volume") !== null) for (const path of VOLUME) if (textAt(value, ...path) === undefined) throw missing(path);
  demandRedis(value, missing);
  if (listAt(value, "queues").length === 0) throw missing(["queues"]);
  for (const name of ["publishedPorts", "hostTable"]) if (!Array.isArray(at(value, name))) throw missing([name]);
}

/** Where Berth's own Redis is and what it must say; or where a managed one's URL is. */
function demandRedis(value: unknown, missing: (path: readonly string[]) => Error): void {
  const managed = textAt(value, "redis", "managed", "urlFile") !== undefined;
  for (const name of ["url", "passwordFile"]) if (!managed && textAt(value, "redis", name) === undefined) throw missing(["redis", name]);
  if (!managed && entriesAt(value, "redis", "config").length === 0) throw missing(["redis", "config"]);
}
