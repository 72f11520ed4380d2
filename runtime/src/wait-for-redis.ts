import { tlsFault } from "./tls.ts";

/**
 * As much of a Redis client as readiness needs: an ioredis client, or any emitter of `ready`, `error` and `end` with a
 * `status`.
 */
export interface RedisLike {
  readonly status?: string;
  /** ioredis keeps its strategy here; without one, the client does not try again. */
  readonly options?: { readonly retryStrategy?: unknown };
  ping?(): Promise<unknown>;
  on(event: string, listener: (error: Error) => void): unknown;
  removeListener(event: string, listener: (error: Error) => void): unknown;
}

export interface ReadyOptions {
  /** In milliseconds; default 5000, as in the text this comes from. At a start, allow for AOF loading. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** Between two PINGs while Redis is loading, in milliseconds. */
const PING_EVERY_MS = 100;
/** setTimeout fires at once above this. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** What no waiting mends: the credentials are wrong, or the account may not ask. */
const DEFINITIVE = /\b(?:WRONGPASS|NOAUTH|NOPERM)\b|invalid username-password pair|ERR AUTH/;

/**
 * Resolve once Redis takes commands; reject when it definitively will not.
 *
 * A client's status is not enough: it is `connecting` right after construction even when all is well, and `ready` while
 * Redis is still LOADING when the ready check is off, which is Bull's default. So a client that has one is asked by PING,
 * which Redis refuses while it loads. A first ECONNREFUSED is not the end either: a client that tries again is waited for.
 *
 * Rejects with `Redis connection failed: <message>` on a definitive failure (wrong password, a certificate that is not trusted, `end`, an `error` of a
 * client that does not try again) and at the deadline with the last error; with `Redis connection timed out` when there
 * was none. Leaves no timer and no listener behind.
 */
export function waitForRedisReady(client: RedisLike, options: ReadyOptions | number = {}): Promise<void> {
  const { timeout = 5000, signal } = typeof options === "number" ? { timeout: options } : options;
  return new Promise((resolve, reject) => {
    let lastError: Error | undefined;
    let nextPing: NodeJS.Timeout | undefined;
    let asking = false;

    const finish = (settle: () => void): void => {
      clearTimeout(deadline);
      clearTimeout(nextPing);
      client.removeListener("ready", ask);
      client.removeListener("error", onError);
      client.removeListener("end", onEnd);
      signal?.removeEventListener("abort", onAbort);
      done = true;
      settle();
    };
    let done = false;
    const fail = (error: Error): void => finish(() => reject(new Error(`Redis connection failed: ${describe(error)}`)));

    const onError = (error: Error): void => {
      lastError = error;
      if (!triesAgain(client) || isDefinitive(error)) fail(error);
    };
    const onEnd = (): void => fail(lastError ?? new Error("the connection has ended"));
    const onAbort = (): void => fail(new Error("the wait was interrupted"));

    const ask = (): void => {
      if (done || asking) return;
      clearTimeout(nextPing);
      // A plain emitter cannot be asked: its word has to do.
      if (client.ping === undefined) return finish(resolve);
      asking = true;
      client.ping().then(onAnswer, onRefusal);
    };
    const onAnswer = (): void => {
      asking = false;
      if (!done) finish(resolve);
    };
    const onRefusal = (error: unknown): void => {
      asking = false;
      if (done) return;
      const reason = error instanceof Error ? error : new Error(String(error));
      if (client.status === "end") return fail(lastError ?? reason);
      lastError = reason;
      if (isDefinitive(reason)) return fail(reason);
      nextPing = setTimeout(ask, PING_EVERY_MS);
    };

    const deadline = setTimeout(() => {
      if (lastError === undefined) finish(() => reject(new Error("Redis connection timed out")));
      else fail(lastError);
    }, Math.min(timeout, LONGEST_TIMER_MS));
    client.on("ready", ask);
    client.on("error", onError);
    client.on("end", onEnd);
    signal?.addEventListener("abort", onAbort, { once: true });

    if (signal?.aborted === true) onAbort();
    else if (client.status === "end") onEnd();
    // `wait` is a lazy client: the PING makes it connect.
    else if (client.status === "ready" || (client.status === "wait" && client.ping !== undefined)) ask();
  });
}

/** Whether the client goes on after an error. A plain emitter promises nothing, so its first error is its last. */
function triesAgain(client: RedisLike): boolean {
  return typeof client.options?.retryStrategy === "function";
}

function isDefinitive(error: Error): boolean {
  return DEFINITIVE.test(error.message) || tlsFault(error) !== undefined;
}

/**
 * The message alone, never the error as a cause: ioredis hangs the failed command with its arguments on it, and those of AUTH are
 * the password. A name with several addresses fails with an AggregateError whose message is empty.
 */
function describe(error: Error): string {
  const fault = tlsFault(error);
  if (fault !== undefined) return fault;
  if (error.message !== "") return error.message;
  if (error instanceof AggregateError) return error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))).join("; ");
  return "code" in error ? String(error.code) : error.name;
}
