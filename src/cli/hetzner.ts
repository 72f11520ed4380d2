import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { CommandError } from "./command.ts";

/** As much of Hetzner's API as commands need that are no part of a deployment. */

export interface HetznerOptions {
  /** With `/v1` and no slash at the end. */
  readonly endpoint: string;
  readonly token: string;
  /** Before what is asked again, in milliseconds: 1 s, and twice as long each time. Shorter in tests. */
  readonly pauseMs?: number;
}

export const HETZNER = "https://api.hetzner.cloud/v1";

/** Answers that say "later" rather than "no". */
const LATER = new Set(["rate_limit_exceeded", "conflict", "locked", "timeout", "unavailable", "service_error", "maintenance"]);
const TRIES = 6;
const REQUEST_SECONDS = 15;
/** A firewall's action takes a second or two. */
const ACTION_SECONDS = 60;

const failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const actions = z.object({ actions: z.array(z.object({ id: z.number() })).nullish() });
const action = z.object({ action: z.object({ id: z.number(), status: z.enum(["running", "success", "error"]), command: z.string() }) });

export class Hetzner {
  readonly #options: HetznerOptions;

  constructor(options: HetznerOptions) {
    this.#options = options;
  }

  /**
   * One request, tried again while the answer is "later".
   * @param what completes "… : required …; found …"
   * @returns undefined where the API has no such thing any more (404)
   * @throws {CommandError}
   */
  async ask(what: string, method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#once(method, path, body);
      if (answer.kind === "done") return answer.body;
      if (answer.kind === "refused" || attempt === TRIES) {
        throw new CommandError(`${what}: required Hetzner's API to do it; found ${answer.found}${/unauthorized|forbidden/.test(answer.found) ? "; give HCLOUD_TOKEN a token that may read and write" : ""}`);
      }
      await this.#pause(attempt);
    }
  }

  /** A request that starts actions, and their end. */
  async carryOut(what: string, path: string, body: object): Promise<unknown> {
    const started = await this.ask(what, "POST", path, body);
    for (const { id } of actions.parse(started ?? {}).actions ?? []) await this.#ended(what, id);
    return started;
  }

  async #ended(what: string, id: number): Promise<void> {
    const deadline = performance.now() + ACTION_SECONDS * 1000;
    for (;;) {
      const asked = await this.ask(what, "GET", `/actions/${id}`);
      // Actions on what is gone go with it.
      if (asked === undefined) return;
      const { status, command } = action.parse(asked).action;
      if (status === "success") return;
      if (status === "error") throw new CommandError(`${what}: required the action ${command} to succeed; found that it failed; look at Hetzner's web interface, then run this again`);
      if (performance.now() > deadline) throw new CommandError(`${what}: required the action ${command} to end within ${ACTION_SECONDS} s; found it running; run this again`);
      await this.#pause(0);
    }
  }

  async #once(method: string, path: string, body: object | undefined): Promise<{ kind: "done"; body: unknown } | { kind: "refused" | "later"; found: string }> {
    const { endpoint, token } = this.#options;
    try {
      const response = await fetch(`${endpoint}${path}`, {
        method,
        signal: AbortSignal.timeout(REQUEST_SECONDS * 1000),
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.ok) return { kind: "done", body: text === "" ? {} : (JSON.parse(text) as unknown) };
      if (response.status === 404) return { kind: "done", body: undefined };
      const told = failure.safeParse(asJson(text));
      const code = told.success ? told.data.error.code : "no reason";
      const found = `${response.status} ${code}${told.success ? ` (${told.data.error.message})` : ""}`;
      return { kind: LATER.has(code) || response.status >= 500 ? "later" : "refused", found };
    } catch (error) {
      return { kind: "later", found: error instanceof Error ? `no answer from ${endpoint} (${error.message})` : `no answer from ${endpoint}` };
    }
  }

  async #pause(attempt: number): Promise<void> {
    await sleep((this.#options.pauseMs ?? 1_000) * 2 ** Math.max(0, attempt - 1));
  }
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
