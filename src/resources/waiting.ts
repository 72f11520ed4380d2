import { setTimeout as sleep } from "node:timers/promises";

/** When a person is told that a wait goes on, in seconds: often at first, and not by the page. No wait is longer than 300 s. */
const SAY_AT = [0, 10, 30, 60, 120, 180, 240];

export interface Wait {
  readonly boundSeconds: number;
  readonly pauseSeconds: number;
  readonly say: (line: string) => void;
  /** What is waited for, as in "waiting for sshd on 203.0.113.5". */
  readonly what: string;
}

/**
 * Ask until nothing is missing, and say so while it lasts.
 * @param missing resolves to what is missing, or undefined
 * @returns what was still missing at the bound, or undefined
 */
export async function waitUntil({ boundSeconds, pauseSeconds, say, what }: Wait, missing: () => Promise<string | undefined>): Promise<string | undefined> {
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 1000);
  let said = 0;
  for (;;) {
    const why = await missing();
    if (why === undefined || seconds() >= boundSeconds) return why;
    const due = SAY_AT.filter((at) => at <= seconds()).length;
    if (due > said) {
      said = due;
      say(`${what}, ${seconds()} s of at most ${boundSeconds} s: ${why}`);
    }
    await sleep(pauseSeconds * 1000);
  }
}

/** What a preview has by now: before the first server is made, some values never come. @returns undefined for one that is not there */
export async function byNow<T>(value: Promise<T>): Promise<T | undefined> {
  return await Promise.race([value, new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))]);
}
