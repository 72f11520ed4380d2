import { type RedisLike, waitForRedisReady } from "./wait-for-redis.ts";

/** As much of a logger as is needed; pino's, Fastify's and the console's all fit. */
export interface Logger {
  info(message: string): void;
  error(message: string): void;
}

export interface ValidationOptions {
  /** The clients that must be ready; usually one per queue. */
  readonly redis: RedisLike | readonly RedisLike[];
  /** Whatever else must answer before the application may start, by name. Each is tried until the deadline. */
  readonly checks?: Readonly<Record<string, () => Promise<unknown>>>;
  readonly logger?: Logger;
  /** For all of it together, in milliseconds; default `startupDeadlineMs()`. */
  readonly timeout?: number;
  /** Ends the wait without a verdict: a process that is told to stop while it starts has not failed. */
  readonly signal?: AbortSignal;
  /** Ends the process; a test's own instead. */
  readonly exit?: (code: number) => void;
}

/** Longest AOF loading that Berth's defaults allow for, in seconds, with room: `app.startupSeconds`. */
const DEFAULT_STARTUP_SECONDS = 180;
const RETRY_EVERY_MS = 500;

/** Deadline of a start, in milliseconds: `BERTH_STARTUP_SECONDS`, else 180 s. It has to cover AOF loading. */
export function startupDeadlineMs(env: NodeJS.ProcessEnv = process.env): number {
  const seconds = Number(env["BERTH_STARTUP_SECONDS"]);
  return (Number.isFinite(seconds) && seconds > 0 ? seconds : DEFAULT_STARTUP_SECONDS) * 1000;
}

/**
 * The production readiness validation, after the race in it is gone: it waits for Redis and for what else the
 * application needs, says what it found, and exits 1 only when one of them definitively fails or the deadline passes.
 * Resolves to whether the application may start: false when `signal` ended the wait (or a test's `exit` returned).
 */
export async function validateProduction(options: ValidationOptions): Promise<boolean> {
  const { redis, checks = {}, logger = console, timeout = startupDeadlineMs(), signal, exit = (code) => process.exit(code) } = options;
  const deadline = performance.now() + timeout;
  const fail = (name: string, error: unknown): false => {
    if (signal?.aborted === true) return false;
    logger.error(`Production readiness validation failed: ${name} check failed. ${message(error)}`);
    exit(1);
    return false;
  };
  const clients = isList(redis) ? redis : [redis];
  // Where one of them fails, nobody waits for the others any more.
  const first = new AbortController();
  const stop = signal === undefined ? first.signal : AbortSignal.any([first.signal, signal]);
  try {
    await Promise.all(clients.map((client) => waitForRedisReady(client, { timeout, signal: stop })));
    logger.info("Redis connection is ready.");
  } catch (error) {
    first.abort();
    return fail("Redis", error);
  }
  for (const [name, check] of Object.entries(checks)) {
    try {
      await untilDeadline(check, deadline, signal);
      logger.info(`${name} is ready.`);
    } catch (error) {
      return fail(name, error);
    }
  }
  return true;
}

function isList(redis: RedisLike | readonly RedisLike[]): redis is readonly RedisLike[] {
  return Array.isArray(redis);
}

/** Try until it holds. A check that never answers ends with the deadline too. */
async function untilDeadline(check: () => Promise<unknown>, deadline: number, signal: AbortSignal | undefined): Promise<void> {
  const end = new AbortController();
  const over = signal === undefined ? end.signal : AbortSignal.any([end.signal, signal]);
  const timer = setTimeout(() => end.abort(), Math.max(1, deadline - performance.now()));
  let pause: NodeJS.Timeout | undefined;
  let last: unknown = new Error("no answer before the deadline");
  try {
    while (!over.aborted) {
      try {
        await unless(over, check());
        return;
      } catch (error) {
        if (!over.aborted) last = error;
      }
      const paused = new Promise((resolve) => {
        pause = setTimeout(resolve, RETRY_EVERY_MS);
      });
      await unless(over, paused).catch(() => undefined);
    }
    throw last;
  } finally {
    clearTimeout(timer);
    clearTimeout(pause);
  }
}

/** The work, or a rejection as soon as the signal says stop. */
async function unless<T>(stop: AbortSignal, work: Promise<T>): Promise<T> {
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(new Error("interrupted"));
    if (stop.aborted) onAbort();
    else stop.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    if (onAbort !== undefined) stop.removeEventListener("abort", onAbort);
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
