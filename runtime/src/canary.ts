/** A job that does nothing but come back, so that a queue is known to be worked on. */

const MARK = "berth:canary";
const POLL_MS = 50;
const DEFAULT_TIMEOUT_MS = 10_000;

interface CanaryJob {
  isCompleted(): Promise<boolean>;
  isFailed(): Promise<boolean>;
  remove(): Promise<unknown>;
}

/** As much of a Bull queue as a canary needs. */
export interface CanaryQueue {
  readonly name: string;
  add(data: object, options: object): Promise<CanaryJob>;
}

export interface CanaryReport {
  readonly queues: Readonly<Record<string, { readonly ok: boolean; readonly ms: number; readonly reason?: string }>>;
}

/** Whether this job is a canary and wants no work. */
export function isCanary(job: { readonly data: unknown }): boolean {
  return typeof job.data === "object" && job.data !== null && (job.data as Record<string, unknown>)[MARK] === true;
}

/** The processor, less the canaries: they are answered at once and cost nothing. */
export function withCanary<J extends { readonly data: unknown }, R>(processor: (job: J) => Promise<R>): (job: J) => Promise<R | { canary: true }> {
  return (job) => (isCanary(job) ? Promise.resolve({ canary: true as const }) : processor(job));
}

/**
 * Send a canary through each queue and wait for it, in milliseconds at most `timeoutMs`. Asks for its state over the
 * queue's own connection: `job.finished()` would open a subscriber. It goes to the head of the queue, past waiting jobs.
 */
export async function runCanary(queues: readonly CanaryQueue[], { timeoutMs = DEFAULT_TIMEOUT_MS }: { timeoutMs?: number } = {}): Promise<CanaryReport> {
  const results = await Promise.all(queues.map(async (queue) => [queue.name, await one(queue, timeoutMs)] as const));
  return { queues: Object.fromEntries(results) };
}

async function one(queue: CanaryQueue, timeoutMs: number): Promise<CanaryReport["queues"][string]> {
  const started = performance.now();
  const elapsed = (): number => Math.round(performance.now() - started);
  let job: CanaryJob | undefined;
  try {
    job = await queue.add({ [MARK]: true }, { lifo: true, attempts: 1, removeOnComplete: { age: 3600 }, removeOnFail: { age: 3600 } });
    for (;;) {
      if (await job.isCompleted()) return { ok: true, ms: elapsed() };
      if (await job.isFailed()) return { ok: false, ms: elapsed(), reason: "a worker took the canary and failed it: wrap the processor in withCanary()" };
      if (elapsed() > timeoutMs) return { ok: false, ms: elapsed(), reason: `no worker finished the canary within ${timeoutMs} ms: none listens, or all are busy` };
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } catch (error) {
    return { ok: false, ms: elapsed(), reason: error instanceof Error ? error.message : String(error) };
  } finally {
    // A job that a worker holds cannot be removed; its own bound takes it later.
    await job?.remove().catch(() => undefined);
  }
}
