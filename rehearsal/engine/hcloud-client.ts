import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

/** Hetzner's own clients try again on these codes, and the provider on `locked`. */
const TRANSIENT = new Set(["conflict", "rate_limit_exceeded", "bad_gateway", "timeout", "locked"]);
/** Ten tries with these pauses are about 25 s: longer than the slowest lock of a first boot. */
const ATTEMPTS = 10;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** Hetzner's clients poll every 500 ms; a stand-in on this machine can be asked more often. */
const POLL_MS = 100;

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string(), details: z.unknown() }) });
const fieldsSchema = z.object({ fields: z.array(z.object({ name: z.string(), messages: z.array(z.string()).optional() })) });
const actionSchema = z.object({
  id: z.number(),
  command: z.string(),
  status: z.enum(["running", "success", "error"]),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
});

export type Action = z.infer<typeof actionSchema>;
/** An answer that carries actions; all of them are waited for. */
export const withActions = z.object({ action: actionSchema.nullish(), actions: z.array(actionSchema).nullish(), next_actions: z.array(actionSchema).nullish() });

/** An error of the API, with its code kept apart so that callers can decide by it. */
export class HcloudError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The part of Hetzner's API that the engine needs: requests with retries, and actions waited for. */
export class HcloudClient {
  readonly #endpoint: string;
  readonly #token: string;
  readonly #signal: AbortSignal;

  constructor(options: { endpoint: string; token: string; signal: AbortSignal }) {
    this.#endpoint = options.endpoint;
    this.#token = options.token;
    this.#signal = options.signal;
  }

  get<S extends z.ZodType>(path: string, schema: S): Promise<z.infer<S>> {
    return this.#request("GET", path, undefined, schema);
  }

  put<S extends z.ZodType>(path: string, body: unknown, schema: S): Promise<z.infer<S>> {
    return this.#request("PUT", path, body, schema);
  }

  /** Send, and wait until every action that the answer names has succeeded. */
  async post<S extends z.ZodType>(path: string, body: unknown, schema: S): Promise<z.infer<S>> {
    const answer = await this.#request("POST", path, body, z.unknown());
    const { action, actions, next_actions: next } = withActions.parse(answer);
    for (const it of [...(action ? [action] : []), ...(actions ?? []), ...(next ?? [])]) await this.#settle(it);
    return schema.parse(answer);
  }

  async #settle(action: Action): Promise<void> {
    let current = action;
    while (current.status === "running") {
      await sleep(POLL_MS, undefined, { signal: this.#signal });
      current = (await this.get(`/actions/${action.id}`, z.object({ action: actionSchema }))).action;
    }
    if (current.status === "error") {
      throw new HcloudError(current.error?.code ?? "action_failed", `action ${current.command} failed: ${current.error?.message ?? "no reason given"} (${current.error?.code ?? "action_failed"})`);
    }
  }

  async #request<S extends z.ZodType>(method: string, path: string, body: unknown, schema: S): Promise<z.infer<S>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return schema.parse(await this.#once(method, path, body));
      } catch (error) {
        const again = error instanceof HcloudError && TRANSIENT.has(error.code) && attempt < ATTEMPTS;
        if (!again) throw error;
        await sleep(Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS), undefined, { signal: this.#signal });
      }
    }
  }

  async #once(method: string, path: string, body: unknown): Promise<unknown> {
    const response = await fetch(`${this.#endpoint}${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.#token}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: this.#signal,
    }).catch((error: unknown) => {
      throw new Error(`${method} ${this.#endpoint}${path}: ${error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)}`, { cause: error });
    });
    const text = await response.text();
    const answer: unknown = text === "" ? undefined : JSON.parse(text);
    if (response.ok) return answer;
    const parsed = errorSchema.safeParse(answer);
    if (!parsed.success) throw new Error(`${method} ${path}: HTTP ${response.status} without an error the API documents`);
    const { code, message, details } = parsed.data.error;
    throw new HcloudError(code, `${method} ${path}: ${message} (${code})${fieldText(details)}`);
  }
}

function fieldText(details: unknown): string {
  const parsed = fieldsSchema.safeParse(details);
  const told = parsed.success ? parsed.data.fields.filter((field) => (field.messages ?? []).length > 0) : [];
  return told.length === 0 ? "" : `: ${told.map((field) => `${field.name} ${(field.messages ?? []).join(", ")}`).join("; ")}`;
}
