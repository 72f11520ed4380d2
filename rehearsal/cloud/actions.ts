import { ApiError, notFound } from "./errors.ts";
import type { Faults } from "./faults.ts";
import type { ActionRecord, ResourceRef } from "./records.ts";

/** Actions that change a firewall or protection do not lock their resource; everything else does. */
const NEVER_LOCKS = new Set(["change_protection", "apply_firewall", "remove_firewall", "set_firewall_rules"]);

/**
 * The asynchronous side of the API. An action answers as `running` and does its work afterwards; work on one resource is
 * done in the order in which it was asked for, never two at once.
 */
export class Actions {
  readonly records = new Map<number, ActionRecord>();
  readonly #faults: Faults;
  readonly #nextId: () => number;
  readonly #delayMs: number;
  #stopped = false;
  /** The end of each resource's queue. */
  readonly #tails = new Map<string, Promise<void>>();

  constructor(options: { faults: Faults; nextId: () => number; delayMs: number }) {
    this.#faults = options.faults;
    this.#nextId = options.nextId;
    this.#delayMs = options.delayMs;
  }

  /**
   * Start an action. `work` that rejects makes it fail with the error's message, under the code `action_failed`.
   * `undo` runs when it failed, to bring the books back to what is true. `after` is what goes on once the action has
   * succeeded: the resource is not locked by it, but the next work waits for it.
   */
  start(command: string, resources: readonly ResourceRef[], work: Work, undo?: Work, after?: Work): ActionRecord {
    const action: ActionRecord = {
      id: this.#nextId(), command, status: "running", progress: 0, started: new Date().toISOString(), finished: null, error: null, resources,
    };
    this.records.set(action.id, action);
    const before = resources.map((ref) => this.#tails.get(key(ref)) ?? Promise.resolve());
    const done = this.#inTurn(before, async () => {
      await this.#run(action, work, undo);
      // What it starts is judged by its state; there is nobody to tell of a failure.
      if (action.status === "success") await Promise.resolve(after?.()).catch(() => undefined);
    });
    for (const ref of resources) this.#tails.set(key(ref), done);
    return action;
  }

  get(id: number): ActionRecord {
    const action = this.records.get(id);
    if (action === undefined) throw notFound("action", id);
    return action;
  }

  of(ref: ResourceRef): ActionRecord[] {
    return [...this.records.values()].filter((action) => action.resources.some((it) => key(it) === key(ref)));
  }

  /** @throws {ApiError} locked, while an action that locks is running on the resource */
  assertUnlocked(ref: ResourceRef): void {
    if (this.isLocked(ref)) throw new ApiError("locked", `cannot perform operation because the ${ref.type} is locked`);
  }

  isLocked(ref: ResourceRef): boolean {
    return this.of(ref).some((action) => action.status === "running" && !NEVER_LOCKS.has(action.command));
  }

  /** From now on no work begins: actions that wait their turn fail, those under way end by themselves. */
  stop(): void {
    this.#stopped = true;
  }

  /** Settles when nothing is under way. */
  async idle(): Promise<void> {
    let tails: Promise<void>[];
    do {
      tails = [...this.#tails.values()];
      await Promise.all(tails);
    } while ([...this.#tails.values()].some((tail) => !tails.includes(tail)));
  }

  async #inTurn(before: readonly Promise<void>[], turn: () => Promise<void>): Promise<void> {
    await Promise.all(before);
    await turn();
  }

  async #run(action: ActionRecord, work: Work, undo?: Work): Promise<void> {
    // At least a turn of the event loop, so that the answer to the request always says `running`.
    await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
    action.progress = 50;
    try {
      const fault = this.#faults.takeAction(action.command);
      if (fault !== undefined) throw new ActionFailure(fault.code, fault.message);
      if (this.#stopped) throw new ActionFailure("action_failed", "the stand-in is being closed");
      await work();
      action.status = "success";
    } catch (error) {
      action.status = "error";
      action.error = { code: error instanceof ActionFailure ? error.code : "action_failed", message: error instanceof Error ? error.message : String(error) };
      await Promise.resolve(undo?.()).catch(() => undefined);
    }
    action.progress = 100;
    action.finished = new Date().toISOString();
  }
}

type Work = () => Promise<void> | void;

class ActionFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

function key(ref: ResourceRef): string {
  return `${ref.type}:${ref.id}`;
}
