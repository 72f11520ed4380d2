/** As much of a Bull queue as readiness needs. */
export interface CountedQueue {
  readonly name: string;
  getJobCounts(): Promise<object>;
  /** The queue's own connection. One that is not ready would keep the question until it is, and answer too late. */
  readonly client?: { readonly status?: string };
}

export interface Readiness {
  readonly ready: boolean;
  /** Name of each part -> `ok`, or why not. */
  readonly parts: Readonly<Record<string, string>>;
}

/** A part that has not answered by then is not ready, in milliseconds: a probe must answer while Redis is away. */
const PART_TIMEOUT_MS = 2_000;

/** Jobs in all queues and states, asked through the connections Bull already has. */
export async function getTotalQueueCount(queues: readonly CountedQueue[]): Promise<number> {
  for (const { name, client } of queues) {
    if (client?.status !== undefined && client.status !== "ready") throw new Error(`the connection of queue ${name} is ${client.status}; ready is required`);
  }
  const counts = await Promise.all(queues.map((queue) => queue.getJobCounts()));
  return counts.flatMap((of) => Object.values(of)).reduce<number>((sum, count) => sum + Number(count), 0);
}

/** Whether Redis (through the queues) and every other part answer. Never throws, never takes longer than its bound, opens no connection. */
export async function readiness(
  queues: readonly CountedQueue[],
  others: Readonly<Record<string, () => Promise<unknown>>> = {},
  timeoutMs: number = PART_TIMEOUT_MS,
): Promise<Readiness> {
  const asked = Object.entries({ redis: () => getTotalQueueCount(queues), ...others });
  const answers = await Promise.all(asked.map(async ([name, ask]) => [name, await within(ask, timeoutMs)] as const));
  return { ready: answers.every(([, answer]) => answer === "ok"), parts: Object.fromEntries(answers) };
}

async function within(ask: () => Promise<unknown>, timeoutMs: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${timeoutMs} ms`), timeoutMs);
  });
  try {
    return await Promise.race([ask().then(() => "ok"), late]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
