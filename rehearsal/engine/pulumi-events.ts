import { z } from "zod";
import type { Counters } from "./protocol.ts";

/** What the engine did, or would do, to one resource. */
export interface Change {
  /** Pulumi's word: create, update, replace, create-replacement, delete-replaced, delete, discard, … */
  readonly op: string;
  readonly type: string;
  /** The resource's name in the program. */
  readonly name: string;
  /** Inputs that differ. */
  readonly diffs: readonly string[];
}

const metadata = z.object({ op: z.string(), urn: z.string(), type: z.string(), diffs: z.array(z.string()).nullish() });
const event = z.object({
  resourcePreEvent: z.object({ metadata }).optional(),
  summaryEvent: z.object({ resourceChanges: z.record(z.string(), z.number()).nullish() }).optional(),
});

/** Read a log of engine events (`--event-log`): one JSON object a line, of which only these two kinds matter here. */
export function readEvents(text: string): { readonly changes: readonly Change[]; readonly counters: Counters } {
  const changes: Change[] = [];
  let counts: Record<string, number> = {};
  for (const line of text.split("\n").filter((it) => it !== "")) {
    const { resourcePreEvent, summaryEvent } = event.parse(JSON.parse(line));
    if (resourcePreEvent !== undefined) {
      const { op, urn, type, diffs } = resourcePreEvent.metadata;
      // What the program only looks up (an adopted volume) is read at every update.
      if (op !== "same" && op !== "read") changes.push({ op, type, name: urn.split("::").at(-1) ?? urn, diffs: diffs ?? [] });
    }
    if (summaryEvent?.resourceChanges) counts = summaryEvent.resourceChanges;
  }
  const sum = (...ops: readonly string[]): number => ops.reduce((total, op) => total + (counts[op] ?? 0), 0);
  return { changes, counters: { created: sum("create", "replace"), updated: sum("update"), unchanged: sum("same"), sshConnections: 0 } };
}
