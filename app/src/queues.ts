import Bull from "bull";
import { boundedJobOptions, QueueConnections, type RedisUse } from "berth-runtime";

export const QUEUE_NAMES = ["file", "email"] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];
export type Queue = Bull.Queue<object>;

/** After an error, such as a Redis that is loading, Bull asks for work again this soon, in milliseconds; by default after 5 s. */
const RETRY_PROCESS_MS = 1_000;

/** The queues of this process and every connection they hold. */
export interface Queues {
  readonly all: readonly Queue[];
  readonly byName: Readonly<Record<QueueName, Queue>>;
  readonly connections: QueueConnections;
}

/** What one process does with its queues decides how many connections it needs: 1, 2 or 3 a queue. */
export interface Use {
  readonly listens: boolean;
  readonly processes: boolean;
}

/** Make the queues and open, now, every connection that they will need, so that the validation can wait for each of them. */
export function openQueues(env: NodeJS.ProcessEnv, process: string, { listens, processes }: Use, onError: (error: Error) => void): Queues {
  const connections = new QueueConnections(env, process, onError);
  const uses: readonly RedisUse[] = ["client", ...(listens || processes ? (["subscriber"] as const) : []), ...(processes ? (["bclient"] as const) : [])];
  const open = (name: QueueName): Queue => {
    for (const use of uses) connections.open(name, use);
    const queue: Queue = new Bull(name, {
      ...connections.forQueue(name),
      defaultJobOptions: boundedJobOptions,
      settings: { retryProcessDelay: RETRY_PROCESS_MS },
    });
    queue.on("error", onError);
    return queue;
  };
  const byName = { file: open("file"), email: open("email") };
  return { all: Object.values(byName), byName, connections };
}

/** Close for good: active jobs are finished, then the connections go. */
export async function closeQueues({ all, connections }: Queues): Promise<void> {
  await Promise.all(all.map((queue) => queue.close()));
  connections.close();
}
