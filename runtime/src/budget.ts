/** What one process does with its queues. */
export interface QueueUse {
  readonly queues: number;
  /** Listens to global events: `.on("global:…")` or `job.finished()`. */
  readonly listens: boolean;
  /** Calls `.process()`. */
  readonly processes: boolean;
}

/** Connections by what they are for. */
export interface ConnectionsByKind {
  readonly client: number;
  readonly subscriber: number;
  readonly blocked: number;
}

/**
 * Connections to Redis that one process holds with Bull 4 (measured with 4.16.5, which opens them lazily and keeps them): the
 * client per queue; a subscriber once it listens or processes; a blocked client once it processes.
 */
export function queueConnectionsByKind({ queues, listens, processes }: QueueUse): ConnectionsByKind {
  return { client: queues, subscriber: listens || processes ? queues : 0, blocked: processes ? queues : 0 };
}

/** The same, all kinds together. */
export function queueConnections(use: QueueUse): number {
  const { client, subscriber, blocked } = queueConnectionsByKind(use);
  return client + subscriber + blocked;
}
