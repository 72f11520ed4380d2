/** A job that does nothing but come back, so that a queue is known to be worked on. */

const MARK = "berth:canary";
const POLL_MS = 50;
const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * It leaves the queue's other jobs alone: Bull applies an `age` or a `count` of one finished job to all that have finished. Said, so that no
 * `defaultJobOptions` of the queue take its place.
 */
const OPTIONS = { lifo: true, attempts: 1, removeOnComplete: false, removeOnFail: false } as const;

/** Sorted set of the canaries that are not removed yet: id by the time (ms) at which their run is over. */
const leftKey = (queue: string): string => `berth:canaries:${queue}`;

interface CanaryJob {
  readonly id: string | number;
  isWaiting(): Promise<boolean>;
  isCompleted(): Promise<boolean>;
  isFailed(): Promise<boolean>;
  remove(): Promise<unknown>;
}

/** As much of a Bull queue as a canary needs. */
export interface CanaryQueue {
  readonly name: string;
  readonly client: {
    zadd(key: string, score: number, member: string): Promise<unknown>;
    zrem(key: string, member: string): Promise<unknown>;
    zrangebyscore(key: string, min: string, max: number): Promise<string[]>;
  };
  add(data: object, options: object): Promise<CanaryJob>;
  getJob(id: string): Promise<CanaryJob | null>;
}

export interface CanaryResult {
  readonly ok: boolean;
  readonly ms: number;
  /** Only when it did not come back: why. */
  readonly reason?: string;
  /** Only when it did not come back: nobody had taken it by then, for all who listen were at work, or nobody does. */
  readonly waiting?: true;
}

export interface CanaryReport {
  readonly queues: Readonly<Record<string, CanaryResult>>;
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

async function one(queue: CanaryQueue, timeoutMs: number): Promise<CanaryResult> {
  const started = performance.now();
  const elapsed = (): number => Math.round(performance.now() - started);
  let job: CanaryJob | undefined;
  try {
    await removeLeft(queue);
    job = await queue.add({ [MARK]: true }, OPTIONS);
    await queue.client.zadd(leftKey(queue.name), Date.now() + timeoutMs, String(job.id));
    for (;;) {
      if (await job.isCompleted()) return { ok: true, ms: elapsed() };
      if (await job.isFailed()) return { ok: false, ms: elapsed(), reason: "a worker took the canary and failed it: wrap the processor in withCanary()" };
      if (elapsed() > timeoutMs) return await notBack(job, timeoutMs, elapsed());
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } catch (error) {
    return { ok: false, ms: elapsed(), reason: error instanceof Error ? error.message : String(error) };
  } finally {
    // A job that a worker holds cannot be removed: a later run does it.
    if (job !== undefined) await remove(queue, String(job.id), job).catch(() => undefined);
  }
}

async function notBack(job: CanaryJob, timeoutMs: number, ms: number): Promise<CanaryResult> {
  const waiting = await job.isWaiting();
  return { ok: false, ms, reason: `no worker finished the canary within ${timeoutMs} ms: none listens, or all are busy`, ...(waiting ? { waiting } : {}) };
}

/** Removes what earlier runs, of any process, could not. */
async function removeLeft(queue: CanaryQueue): Promise<void> {
  for (const id of await queue.client.zrangebyscore(leftKey(queue.name), "-inf", Date.now())) {
    await remove(queue, id, await queue.getJob(id)).catch(() => undefined);
  }
}

async function remove(queue: CanaryQueue, id: string, job: CanaryJob | null): Promise<void> {
  await job?.remove();
  await queue.client.zrem(leftKey(queue.name), id);
}
