import type { Logger } from "./validate-production.ts";

export interface ShutdownOptions {
  /** Run one after another, each to its end: stop taking work, finish active jobs, close connections. */
  readonly steps: readonly (() => unknown)[];
  /** When all of them together take longer, the process ends with 1, in milliseconds. Below the container's grace period. */
  readonly timeoutMs?: number;
  readonly logger?: Logger;
  readonly exit?: (code: number) => void;
  /** Where the signals come from; a test's own instead. */
  readonly signals?: { on(signal: "SIGTERM" | "SIGINT", listener: () => void): unknown };
}

/** Below the 30 s that the API's container is given, so that the process says itself why it did not end. */
const DEFAULT_TIMEOUT_MS = 25_000;

/** At the first SIGTERM or SIGINT, end in order; a second one ends at once. Returns a way to end from inside. */
export function onShutdown(options: ShutdownOptions): () => Promise<void> {
  const { steps, timeoutMs = DEFAULT_TIMEOUT_MS, logger = console, exit = (code) => process.exit(code), signals = process } = options;
  let ending: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    const timer = setTimeout(() => {
      logger.error(`shutdown: all of it within ${timeoutMs / 1000} s is required; ending with work undone`);
      exit(1);
    }, timeoutMs);
    try {
      for (const step of steps) await step();
      exit(0);
    } catch (error) {
      logger.error(`shutdown: ${error instanceof Error ? error.message : String(error)}`);
      exit(1);
    } finally {
      clearTimeout(timer);
    }
  };
  const begin = (): Promise<void> => (ending ??= end());
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    signals.on(signal, () => {
      if (ending !== undefined) return exit(130);
      logger.info(`${signal}: finishing active work`);
      void begin();
    });
  }
  return begin;
}
