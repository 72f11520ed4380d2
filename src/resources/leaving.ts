import type { Layout } from "../config/nodes.ts";
import type { SshTarget } from "../ssh.ts";
import { messageOf } from "../verify/words.ts";
import type { Book } from "./moves.ts";
import { again, DIAL_MS, Nodes, RENEW_MS, START } from "./node-connections.ts";

/**
 * Nodes that leave the stack. Pulumi deletes their servers at the very end; until then their processes would hold connections to Redis that no release of
 * the new layout expects, and take jobs with a version that is gone. So they are stopped in order before the first release is judged.
 */

/** Addresses of the nodes that ran a process of the application, by the first node's last good release, and run none in this layout. */
export function leavers({ workers }: Pick<Book, "workers">, { users }: Pick<Layout, "users">): string[] {
  return workers.filter((address) => !users.some((node) => node.address === address));
}

export interface LeavingOptions {
  readonly first: SshTarget;
  /** Directory of this release's scripts. A node that leaves has none of this release: those in place there answer. */
  readonly scripts: string;
  readonly project: string;
  readonly layout: Pick<Layout, "users">;
  readonly say: (line: string) => void;
  /** How often a stopped node hears that the update goes on, in milliseconds. Default: `RENEW_MS`. */
  readonly renewMs?: number;
}

/** What is stopped comes back by itself when it has not heard for ten minutes that the update goes on (`berth-return.timer`), whatever became of it. */
export class Leaving {
  readonly #options: LeavingOptions;
  #stopped: readonly string[] = [];
  #renewed: () => Promise<unknown> = () => Promise.resolve();

  constructor(options: LeavingOptions) {
    this.#options = options;
  }

  /** Stop them, all at once, each with its grace period. One that does not answer is left out: it keeps nothing, and the connections that are judged say whether it is in the way. */
  async halt(): Promise<void> {
    const { project, layout, say, renewMs = RENEW_MS } = this.#options;
    await this.#renewed();
    this.#stopped = await this.#with(async (nodes) => {
      const halted = await Promise.all(leavers(await nodes.book(null), layout).map(async (address): Promise<string[]> => {
        try {
          await nodes.at(address);
          say(`the node at ${address} leaves the stack: stopping it before the first release; what it has at work comes to its end`);
          await nodes.halt(address, { what: `the node at ${address}`, project });
          return [address];
        } catch (error) {
          say(`the node at ${address} leaves the stack, and is left as it is: ${messageOf(error)}`);
          return [];
        }
      }));
      return halted.flat();
    });
    if (this.#stopped.length > 0) this.#renewed = again(renewMs, () => this.#each((nodes) => nodes.data("stopped")));
  }

  /** A release failed, and the one before runs again: so do they. Does not throw: what does not come back now does so by its timer. */
  async bringBack(): Promise<void> {
    await this.#renewed();
    this.#renewed = () => Promise.resolve();
    if (this.#stopped.length === 0) return;
    this.#options.say(`starting again what was to leave the stack: ${this.#stopped.join(", ")}`);
    await this.#each(() => `${START} --no-block`);
    this.#stopped = [];
  }

  /** Run something on each that was stopped. One that does not hear it this time may the next. */
  async #each(command: (nodes: Nodes) => string): Promise<void> {
    await this.#with((nodes) => Promise.allSettled(this.#stopped.map((address) => nodes.run(address, command(nodes), `speak to the node at ${address}`)))).catch(() => undefined);
  }

  /** Over connections of their own: between two words of an update many minutes may pass. */
  async #with<T>(act: (nodes: Nodes) => Promise<T>): Promise<T> {
    const nodes = new Nodes(this.#options.first, this.#options.scripts, DIAL_MS);
    try {
      // Once, before several are reached through it.
      await nodes.at(null);
      return await act(nodes);
    } finally {
      nodes.close();
    }
  }
}
