import * as pulumi from "@pulumi/pulumi";
import { type Context, type Handler, type Made, type Properties, properties } from "./handler.ts";
import { hcloudFunctions } from "./hcloud-functions.ts";
import { hcloudHandlers } from "./hcloud-resources.ts";
import type { HcloudClient } from "./hcloud-client.ts";
import { localCommand } from "./local-command.ts";
import { type Registration, registration } from "./monitor.ts";
import type { Counters } from "./protocol.ts";
import { remoteCommand } from "./remote-command.ts";
import { holdsSecret, unwrapSecrets } from "./secrets.ts";
import type { Entry, State } from "./state.ts";

const HANDLERS: Readonly<Record<string, Handler>> = {
  ...hcloudHandlers,
  "command:remote:Command": remoteCommand,
  "command:local:Command": localCommand,
};

/** Marks what is thrown only because something else failed before. */
export const CANCELLED = "not started, because another resource failed";

export interface EngineOptions {
  readonly hcloud: HcloudClient;
  readonly state: State;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export interface Failure {
  readonly subject: string;
  readonly message: string;
}

/** Carries out what the program registers. After a failure nothing new begins; what is under way ends by itself. */
export class Engine implements pulumi.runtime.Mocks {
  readonly counters: Counters = { created: 0, updated: 0, unchanged: 0, sshConnections: 0 };
  readonly failures: Failure[] = [];
  readonly seen = new Set<string>();
  readonly #options: EngineOptions;
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  newResource(args: pulumi.runtime.MockResourceArgs): Promise<pulumi.runtime.MockResourceResult> {
    const inputs = properties(args.inputs);
    if (args.custom !== true || args.type.startsWith("pulumi:")) return Promise.resolve({ id: undefined, state: { ...inputs } });
    const it = registration();
    return this.#guarded(`${args.name} (${shortType(args.type)})`, () => this.#carryOut(args.type, args.name, args.id, inputs, it));
  }

  call(args: pulumi.runtime.MockCallArgs): Promise<Record<string, unknown>> {
    return this.#guarded(`${args.token}()`, async () => {
      const ask = hcloudFunctions[args.token];
      if (ask === undefined) throw new Error(`the in-process engine has no such function; there are ${Object.keys(hcloudFunctions).join(", ")}. Use --engine pulumi, or add it in rehearsal/engine/hcloud-functions.ts`);
      return ask(unwrapSecrets(args.inputs), this.#options.hcloud);
    });
  }

  /** Settles when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #guarded<T>(subject: string, work: () => Promise<T>): Promise<T> {
    if (this.failures.length > 0 || this.#options.signal.aborted) throw new Error(CANCELLED);
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      const message = this.#options.signal.aborted ? "interrupted" : error instanceof Error ? error.message : String(error);
      this.failures.push({ subject, message });
      this.#options.log(`! ${subject} failed`);
      throw error;
    } finally {
      this.#running.delete(running);
    }
  }

  async #carryOut(type: string, name: string, id: string | undefined, wrapped: Properties, it: Registration): Promise<pulumi.runtime.MockResourceResult> {
    const handle = HANDLERS[type];
    if (handle === undefined) throw new Error(`the in-process engine has no such type; there are ${Object.keys(HANDLERS).join(", ")}. Use --engine pulumi, or add it in rehearsal/engine`);
    if (this.seen.has(it.urn)) throw new Error(`two resources have the URN ${it.urn}`);
    this.seen.add(it.urn);
    const inputs = properties(unwrapSecrets(wrapped));
    const context: Context = {
      name,
      hcloud: this.#options.hcloud,
      counters: this.counters,
      signal: this.#options.signal,
      say: (line) => this.#options.log(`${name}: ${line}`),
    };
    const made = it.adopts ? await adopt(handle, id, context) : await this.#makeOrKeep(handle, { type, name, inputs, it, context });
    return { id: made.id, state: shown(wrapped, inputs, made.outputs, it) };
  }

  async #makeOrKeep(handle: Handler, of: { type: string; name: string; inputs: Properties; it: Registration; context: Context }): Promise<Made> {
    const { state, log } = this.#options;
    const { it, inputs, context } = of;
    const label = `${of.name} (${shortType(of.type)})`;
    const entry = state.get(it.urn);
    const digests = state.digests(inputs);
    const changed = entry === undefined ? [] : changes(entry.inputs, digests).filter((key) => !it.ignoreChanges.includes(key));
    if (entry !== undefined && changed.length === 0) {
      this.counters.unchanged += 1;
      log(`= ${label} unchanged`);
      return entry;
    }
    const started = performance.now();
    log(`… ${label} ${entry === undefined ? "creating" : `updating (${changed.join(", ")})`}`);
    const made = entry === undefined ? await handle.create(inputs, context) : await update(handle, inputs, entry, changed, context);
    state.set(it.urn, { type: of.type, id: made.id, inputs: digests, outputs: made.outputs });
    this.counters[entry === undefined ? "created" : "updated"] += 1;
    log(`${entry === undefined ? "+" : "~"} ${label} ${entry === undefined ? "created" : "updated"}, ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return made;
  }
}

function adopt(handle: Handler, id: string | undefined, context: Context): Promise<Made> {
  if (handle.read === undefined || id === undefined) throw new Error("the in-process engine cannot adopt an existing resource of this type; use --engine pulumi");
  return handle.read(id, context);
}

function update(handle: Handler, inputs: Properties, entry: Entry, changed: readonly string[], context: Context): Promise<Made> {
  const { updatable } = handle;
  const refused = updatable === "all" ? [] : changed.filter((key) => !updatable.has(key));
  if (refused.length > 0) throw new Error(`${refused.join(", ")} changed, and the in-process engine only creates: use --engine pulumi to change or replace this resource, or start the rehearsal anew`);
  return handle.update(inputs, { ...entry, changed: new Set(changed) }, context);
}

function changes(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((key) => before[key] !== now[key]).toSorted();
}

/** Inputs and outputs as the program sees them: what came as a secret goes back as one. */
function shown(wrapped: Properties, inputs: Properties, outputs: Properties, it: Registration): Record<string, unknown> {
  const values = { ...inputs, ...outputs };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => {
    const secret = it.secretOutputs.includes(key) || (!(key in outputs) && holdsSecret(wrapped[key]));
    return [key, secret ? pulumi.secret(value) : value];
  }));
}

/** `hcloud:index/server:Server` is `hcloud:Server` to people. */
function shortType(type: string): string {
  return type.replace(/:index\/[^:]*:/, ":");
}
