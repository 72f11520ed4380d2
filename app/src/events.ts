import { type JobStore, isJobId } from "./job-store.ts";
import { type Log, messageOf } from "./log.ts";
import type { Queues } from "./queues.ts";

/**
 * Keep the rows in step with the queues, whichever process does the work. Call it once Redis is ready. An event that nobody heard
 * (this process was away) is made up for when the job is asked for; see `current` in job-routes.ts.
 */
export function followEvents({ all }: Queues, store: JobStore, log: Log): void {
  const write = (id: string, what: () => Promise<void>): void => {
    if (isJobId(id)) what().catch((error: unknown) => log.repeated(`an event was not written down: ${messageOf(error)}`));
  };
  for (const queue of all) {
    queue.on("global:active", (id: string) => write(id, () => store.started(id)));
    queue.on("global:progress", (id: string, percent: unknown) => write(id, () => store.progressed(id, Number(percent))));
    queue.on("global:completed", (id: string, result: string) => write(id, () => store.completed(id, parse(result))));
    queue.on("global:failed", (id: string, reason: string) => write(id, () => store.failed(id, reason)));
  }
}

/** Bull sends a result as JSON. */
function parse(result: unknown): unknown {
  if (typeof result !== "string") return result;
  try {
    return JSON.parse(result) as unknown;
  } catch {
    return result;
  }
}
