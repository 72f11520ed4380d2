import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";

/** Between two requests of one visitor, in milliseconds. */
const PAUSE_MS = 100;
/** At once. */
const VISITORS = 4;

/** Visitors who ask the application by its public address, again and again: pages, and every third time, where they may, a job that is to be done. */
export class Visitors {
  readonly #failed: string[] = [];
  #answered = 0;
  #slowestMs = 0;
  #ending = false;
  readonly #all: Promise<unknown>;

  constructor(it: Rehearsal, { jobs }: { readonly jobs: boolean }) {
    this.#all = Promise.all(Array.from({ length: VISITORS }, () => this.#visit(it, jobs)));
  }

  /** So far. */
  get answered(): number {
    return this.#answered;
  }

  /** Until the last has its answer. */
  async end(): Promise<{ readonly answered: number; readonly failed: readonly string[]; readonly slowestMs: number }> {
    this.#ending = true;
    await this.#all;
    return { answered: this.#answered, failed: this.#failed, slowestMs: Math.round(this.#slowestMs) };
  }

  async #visit(it: Rehearsal, jobs: boolean): Promise<void> {
    for (let count = 0; !this.#ending; count += 1) {
      const [path, job] = jobs && count % 3 === 0 ? ["/jobs", { queue: "email", data: { to: "someone@example.com", subject: `${count}`, text: "kept" } }] as const : ["/", undefined] as const;
      const from = performance.now();
      const said = await ask(it, path, job).then(({ status }) => String(status), String);
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - from);
      if (said.startsWith("2")) this.#answered += 1;
      else this.#failed.push(`${new Date().toISOString()} ${path}: ${said}`);
      await sleep(PAUSE_MS);
    }
  }
}
