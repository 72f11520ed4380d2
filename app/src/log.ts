import type { Logger } from "berth-runtime";

/** How long a repeated message is held back, in milliseconds: a Redis that is away would fill the log with one line. */
const REPEAT_AFTER_MS = 10_000;

const LEVELS = { error: 0, info: 1, debug: 2 } as const;

export interface Log extends Logger {
  debug(message: string): void;
  /** An error that may come many times a second: the same message at most every 10 s. */
  repeated(message: string): void;
}

/** One line of JSON per event on standard output, where Docker bounds it. `level` as in LOG_LEVEL; unknown means info. */
export function createLog(process: string, level = "info", write: (line: string) => void = (line) => void globalThis.process.stdout.write(line)): Log {
  const most = level in LEVELS ? LEVELS[level as keyof typeof LEVELS] : LEVELS.info;
  const said = new Map<string, number>();
  const say = (at: keyof typeof LEVELS, message: string): void => {
    if (LEVELS[at] <= most) write(`${JSON.stringify({ time: new Date().toISOString(), level: at, process, message })}\n`);
  };
  return {
    error: (message) => say("error", message),
    info: (message) => say("info", message),
    debug: (message) => say("debug", message),
    repeated: (message) => {
      const now = Date.now();
      if (now - (said.get(message) ?? 0) < REPEAT_AFTER_MS) return;
      if (said.size > 100) said.clear();
      said.set(message, now);
      say("error", message);
    },
  };
}

/** What went wrong, in words. A connection refused on several addresses has no message of its own, only a code. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ("code" in error ? String(error.code) : error.name);
}
