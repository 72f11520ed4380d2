import { summary, table } from "../verify/table.ts";
import type { Report } from "../verify/types.ts";
import { passes } from "../verify/verdict.ts";

/** Verifying again and again, for a person who looks on or a log that is kept. */

/** What one verification came to. */
export interface Verified {
  readonly code: number;
  /** Undefined when it could not be made. */
  readonly report: Report | undefined;
  /** Standard error of the host. */
  readonly said: string;
}

export interface WatchOptions {
  readonly verify: () => Promise<Verified>;
  readonly json: boolean;
  /** Clear the screen before each; else a line a verification. */
  readonly redraw: boolean;
  readonly everySeconds: number;
  readonly write: (text: string) => void;
  /** Resolves when nobody wants to look any more. */
  readonly interrupted: Promise<void>;
}

/** Home and clear: what is below stays in the terminal's own memory. */
const CLEAR = "\u001b[H\u001b[2J";

/** @returns the last verification's exit code; 1 before there was one */
export async function watch({ verify, json, redraw, everySeconds, write, interrupted }: WatchOptions): Promise<number> {
  let over = false;
  const end = interrupted.then(() => {
    over = true;
    return undefined;
  });
  let code = 1;
  for (;;) {
    // A connection that breaks is one verification that could not be made, not the end of the watch.
    const made = await Promise.race([verify().catch((error: unknown): Verified => ({ code: 1, report: undefined, said: String(error) })), end]);
    if (over || made === undefined) return code;
    code = made.code;
    write(shown(made, { json, redraw, everySeconds }));
    await pause(everySeconds * 1000, end);
    if (over) return code;
  }
}

/** What a program reads in place of a report. */
export function couldNotBe(error: string): { readonly version: 1; readonly verdict: "fail"; readonly cause: null; readonly error: string } {
  return { version: 1, verdict: "fail", cause: null, error };
}

function shown({ code, report, said }: Verified, { json, redraw, everySeconds }: Pick<WatchOptions, "json" | "redraw" | "everySeconds">): string {
  if (json) return report === undefined ? `${JSON.stringify(couldNotBe(lastLine(said)))}\n` : `${JSON.stringify(report)}\n`;
  const text = report === undefined ? `could not be verified (exit ${code}): ${lastLine(said)}\n` : redraw ? table(report) : lines(report);
  return redraw ? `${CLEAR}${text}\nagain in ${everySeconds} s; Ctrl-C ends\n` : text;
}

/** The verdict, and a line for each check that does not pass or warns. */
function lines(report: Report): string {
  const notable = report.checks.filter((check) => !passes(check) || check.warning !== undefined);
  const head = `${report.at} ${summary(report).split("\n").slice(0, 2).join(": ")}`;
  return [head, ...notable.map((check) => `  ${passes(check) ? "warn" : "FAIL"} ${check.id}: ${check.warning === undefined ? check.seen : `${check.seen} (${check.warning})`}`), ""].join("\n");
}

export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** Holds the process, which nothing else does between two verifications, and lets go of it at the end. */
async function pause(ms: number, end: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([new Promise((resolve) => { timer = setTimeout(resolve, ms); }), end]);
  clearTimeout(timer);
}

/** Ctrl-C, or being told to end. The connection under way goes with the process: the host's verification ends by itself. */
export function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => { resolve(); });
  });
}
