/** What one process does with its queues. */
export interface QueueUse {
  readonly queues: number;
  /** Listens to global events: `.on("global:…")` or `job.finished()`. */
  readonly listens: boolean;
  /** Calls `.process()`. */
  readonly processes: boolean;
}

/**
 * Connections to Redis that one process holds with Bull 4 (measured with 4.16.5, which opens them lazily): the client per
 * queue; a subscriber once it listens or processes; a blocked client once it processes.
 */
export function queueConnections({ queues, listens, processes }: QueueUse): number {
  if (processes) return queues * 3;
  return queues * (listens ? 2 : 1);
}
