/** As much of a Bull queue as the heartbeat needs: its own client, so that no connection is opened for it. */
export interface HeartbeatQueue {
  readonly client: { setex(key: string, seconds: number, value: string): Promise<unknown> };
}

export interface HeartbeatOptions {
  readonly key?: string;
  /** Between two beats, in milliseconds. */
  readonly everyMs?: number;
  /** The key's time to live, in seconds: three beats in a row may fail before the worker counts as dead. */
  readonly ttlSeconds?: number;
  /** Called after each beat that reached Redis. */
  readonly onBeat?: () => void;
  readonly onError?: (error: Error) => void;
}

export interface Heartbeat {
  /** Resolves after the first beat was tried. */
  readonly first: Promise<void>;
  stop(): void;
}

export const HEARTBEAT_KEY = "berth:heartbeat:worker";
export const HEARTBEAT_EVERY_MS = 30_000;
export const HEARTBEAT_TTL_SECONDS = 90;
/** After a beat that failed, the next one comes sooner. */
const RETRY_MS = 2_000;

/** Tell Redis every 30 s that this worker lives, through a connection it already has. */
export function startHeartbeat(queue: HeartbeatQueue, options: HeartbeatOptions = {}): Heartbeat {
  const { key = HEARTBEAT_KEY, everyMs = HEARTBEAT_EVERY_MS, ttlSeconds = HEARTBEAT_TTL_SECONDS, onBeat, onError } = options;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const beat = async (): Promise<void> => {
    let next = everyMs;
    try {
      await queue.client.setex(key, ttlSeconds, new Date().toISOString());
      if (!stopped) onBeat?.();
    } catch (error) {
      next = Math.min(everyMs, RETRY_MS);
      onError?.(error instanceof Error ? error : new Error(String(error)));
    }
    if (!stopped) timer = setTimeout(() => void beat(), next);
  };
  return {
    first: beat(),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
