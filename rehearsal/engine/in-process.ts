import type { Carried, DeploymentEngine } from "./choice.ts";
import { inProcessUp, type UpOptions } from "./up.ts";

/** The engine on Pulumi's test hook, as one of the rehearsal's two. */
export class InProcessEngine implements DeploymentEngine {
  readonly kind = "in-process";
  readonly description = "in-process on Pulumi's test hook; it creates, and keeps no state.";
  readonly #options: Omit<UpOptions, "config" | "log">;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: Omit<UpOptions, "config" | "log">) {
    this.#options = options;
  }

  async up(config: Readonly<Record<string, string>>, log: (line: string) => void): Promise<Carried> {
    const run = inProcessUp({ ...this.#options, config, log });
    this.#running = run;
    return { ...(await run), changes: [] };
  }

  async ended(): Promise<void> {
    await Promise.allSettled([this.#running]);
  }
}
