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
 * Resolves to whether the application may start (only a test's `exit` returns).
 */
export async function validateProduction(options: ValidationOptions): Promise<boolean> {
  const { redis, checks = {}, logger = console, timeout = startupDeadlineMs(), signal, exit = (code) => process.exit(code) } = options;
  const deadline = performance.now() + timeout;
  const left = (): number => Math.max(1, deadline - performance.now());
  const clients = isList(redis) ? redis : [redis];
  try {
    const waiting = { timeout, ...(signal === undefined ? {} : { signal }) };
    await Promise.all(clients.map((client) => waitForRedisReady(client, waiting)));
    logger.info("Redis connection is ready.");
  } catch (error) {
    logger.error(`Production readiness validation failed: Redis check failed. ${message(error)}`);
    exit(1);
    return false;
  }
  for (const [name, check] of Object.entries(checks)) {
    try {
      await untilDeadline(check, left);
      logger.info(`${name} is ready.`);
    } catch (error) {
      logger.error(`Production readiness validation failed: ${name} check failed. ${message(error)}`);
      exit(1);
      return false;
    }
  }
  return true;
}

function isList(redis: RedisLike | readonly RedisLike[]): redis is readonly RedisLike[] {
  return Array.isArray(redis);
}

async function untilDeadline(check: () => Promise<unknown>, left: () => number): Promise<void> {
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (left() <= RETRY_EVERY_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_EVERY_MS));
    }
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
