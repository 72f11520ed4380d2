import type { Client } from "ssh2";
import { BERTH } from "../compose/paths.ts";
import type { SshTarget } from "../ssh.ts";
import { dial, runOn } from "../ssh-streams.ts";
import { messageOf } from "../verify/words.ts";
import { type Book, parseBook } from "./moves.ts";
import { stopCommand } from "./resize.ts";
import { waitUntil } from "./waiting.ts";

/** How an update speaks to the nodes of a stack by itself: to move data, and to stop what leaves. */

/** To sign in to a node in an update, in milliseconds. */
export const DIAL_MS = 20_000;
const NETWORK_PAUSE_SECONDS = 2;
export const START = "sudo systemctl restart berth.service";

/** How often what was stopped hears that the update goes on, in milliseconds: well within the time after which it starts by itself (600 s, RETURN_SECONDS in server/data.sh). */
export const RENEW_MS = 200_000;

/** Connections to the first node and, through it, to others: each made once. */
export class Nodes {
  readonly #first: SshTarget;
  readonly #scripts: string;
  readonly #readyMs: number;
  readonly #open = new Map<string | null, Client>();

  constructor(first: SshTarget, scripts: string, readyMs: number) {
    this.#first = first;
    this.#scripts = scripts;
    this.#readyMs = readyMs;
  }

  async at(address: string | null): Promise<Client> {
    const known = this.#open.get(address);
    if (known !== undefined) return known;
    const client = address === null ? await dial(this.#first, { readyMs: this.#readyMs }) : await dial({ ...this.#first, host: address, port: 22 }, { via: await this.at(null), readyMs: this.#readyMs });
    this.#open.set(address, client);
    return client;
  }

  /** The same, for as long as the private network may take to be there. @throws {Error} after it */
  async reachable(address: string, boundSeconds: number, say: (line: string) => void): Promise<void> {
    const missing = await waitUntil({ boundSeconds, pauseSeconds: NETWORK_PAUSE_SECONDS, say, what: `waiting for the node at ${address} on the private network` }, () =>
      this.at(address).then(() => undefined, messageOf));
    if (missing === undefined) return;
    throw new Error(`reach the node at ${address} through the first node: an answer is required within ${boundSeconds} s, found ${missing}. Look whether both are in the stack's network in Hetzner's web interface, and at \`ip -4 address\` on each`);
  }

  /** Shell text for one step of a move. */
  data(step: string): string {
    return `sudo sh -c 'it=${this.#scripts}/berth; [ -x "$it" ] || it=${BERTH}; [ ! -x "$it" ] || exec "$it" data ${step}'`;
  }

  /** @throws {Error} unless it exits 0 */
  async run(address: string | null, command: string, what: string): Promise<string> {
    const { code, stdout, stderr } = await runOn(await this.at(address), command);
    if (code !== 0) throw new Error(`${what}: exit 0 is required, found ${code}: ${stderr.trim() || "nothing said"}`);
    return stdout;
  }

  async book(address: string | null): Promise<Book> {
    return parseBook(await this.run(address, this.data(""), `ask ${address ?? "the first node"} where the data is`));
  }

  /** Stop a node's application in order. Before that it is made to come back by itself: whoever stops it may die before the next word. @param armed called once it would */
  async halt(address: string | null, { what, project, armed }: { readonly what: string; readonly project: string; readonly armed?: () => void }): Promise<void> {
    await this.run(address, this.data("stopped"), `see to it that ${what} comes back`);
    armed?.();
    await this.run(address, stopCommand(project), `stop ${what}`);
  }

  close(): void {
    // Those that lead through the first one end before it.
    for (const client of [...this.#open.values()].toReversed()) client.end();
  }
}

/** Do it over and over. @returns what ends that, and waits for the one under way */
export function again(everyMs: number, act: () => Promise<unknown>): () => Promise<unknown> {
  let last: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => { last = last.then(act); }, everyMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    return last;
  };
}
