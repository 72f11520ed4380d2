import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { eventually } from "./hardware.ts";

/** Seldom enough that Redis still has every completed job at the end: the application keeps the last thousand of each queue. */
const EVERY_MS = 1_000;

/** Adds a job again and again, by the stack's public address. */
export class JobGiver {
  readonly taken: string[] = [];
  refused = 0;
  #ending = false;
  #running: Promise<void> = Promise.resolve();

  /** May be begun again after its end. */
  begin(it: Rehearsal): void {
    this.#ending = false;
    this.#running = this.#give(it);
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#running;
  }

  /** A job that is given now is done by the worker as it stands now. */
  async works(it: Rehearsal): Promise<void> {
    const before = this.taken.length;
    await eventually("a job is taken", 60_000, () => Promise.resolve(this.taken.length > before + 1));
    const id = this.taken.at(-1) ?? "";
    await eventually(`job ${id} is done`, 60_000, async () => ((await ask(it, `/jobs/${id}`)).body as { state?: unknown }).state === "completed");
  }

  async #give(it: Rehearsal): Promise<void> {
    for (let count = 0; !this.#ending; count += 1) {
      const job = count % 10 === 0 ? { queue: "file", data: { name: `${count}`, megabytes: 1 } } : { queue: "email", data: { to: "someone@example.com", subject: `${count}`, text: "kept" } };
      const answer = await ask(it, "/jobs", job).catch(() => undefined);
      // Only what was confirmed is promised: 503 says to ask again.
      if (answer?.status === 202) this.taken.push((answer.body as { id: string }).id);
      else this.refused += 1;
      await sleep(EVERY_MS);
    }
  }
}
