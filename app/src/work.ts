import type { Job } from "bull";
import { HEARTBEAT_KEY, type Heartbeat, startHeartbeat, withCanary } from "berth-runtime";
import { type EmailJob, processEmail } from "./email-job.ts";
import { type FileJob, processFile } from "./file-job.ts";
import { type Log, messageOf } from "./log.ts";
import type { Queues } from "./queues.ts";

/** Mails are short and wait for somebody else; files keep a core busy, and one at a time does. */
const EMAIL_CONCURRENCY = 4;

/**
 * Take jobs from the queues. Call it once Redis is ready.
 * @param onFailure hears when Bull could not begin, or stopped by itself: then this process is of no use
 */
export function startWork({ byName }: Queues, log: Log, onFailure: (error: unknown) => void): void {
  const file = withCanary((job: Job<object>) => processFile(job.data as FileJob, (percent) => job.progress(percent)));
  const email = withCanary((job: Job<object>) =>
    processEmail(job.data as EmailJob, (message, { to }) => {
      log.info(`delivered ${message.length} bytes to ${to.replace(/^[^@]*/, "…")}`);
      return Promise.resolve();
    }));
  // Both resolve when their queue is closed.
  byName.file.process(file).catch(onFailure);
  byName.email.process(EMAIL_CONCURRENCY, email).catch(onFailure);
  for (const queue of [byName.file, byName.email]) {
    queue.on("completed", (job) => log.debug(`${queue.name} ${String(job.id)} completed`));
    queue.on("failed", (job, error) => log.error(`${queue.name} ${String(job.id)} failed: ${messageOf(error)}`));
    queue.on("stalled", (job) => log.error(`${queue.name} ${String(job.id)} stalled, and runs again`));
  }
}

/** Tell Redis that the worker lives, over the connection of the `file` queue. */
export function startWorkerHeartbeat({ byName }: Queues, log: Log, onBeat: () => void = () => undefined): Heartbeat {
  return startHeartbeat(byName.file, { key: HEARTBEAT_KEY, onBeat, onError: (error) => log.repeated(`heartbeat: ${messageOf(error)}`) });
}
