import { at, entriesAt, listAt, numberAt, textAt } from "../verify/json.ts";
import type { Expectations } from "../verify/types.ts";

/**
 * Reads the expect.json of the release that runs, which may be older than the laptop that asks: demanded is what a diagnosis reads, and no more.
 * @throws naming the first key that is missing
 */
export function readExpectations(text: string): Expectations {
  const value: unknown = JSON.parse(text);
  demand(value);
  return value;
}

/** What a diagnosis reads of them. */
function demand(value: unknown): asserts value is Expectations {
  const missing = [
    ...(textAt(value, "project") === undefined ? ["project"] : []),
    ...(listAt(value, "queues").length > 0 ? [] : ["queues"]),
    ...(numberAt(value, "connectionCeiling") === undefined ? ["connectionCeiling"] : []),
    ...(at(value, "volume") !== null && textAt(value, "volume", "mount") === undefined ? ["volume"] : []),
    ...[["images"], ["redis", "config"], ["processes", "api"], ["processes", "worker"]].flatMap((path) => (entriesAt(value, ...path).length > 0 ? [] : [path.join(".")])),
    ...(at(value, "heartbeat") === undefined ? ["heartbeat"] : []),
  ];
  if (missing.length > 0) throw new Error(`required: ${missing.join(", ")}; found: nothing there`);
}
