import { ApiError, type ErrorCode } from "./errors.ts";

/** What goes wrong: an answer with this error, or a connection cut before or after the request was carried out. */
export type Fault = { readonly code: ErrorCode; readonly message?: string } | { readonly cut: "before" | "after" };

export interface ActionFault {
  readonly code: string;
  readonly message: string;
}

/**
 * Faults for tests: set on the object, never over the network. A pattern is a method and a path of the route table, such as
 * `POST /servers` or `POST /servers/{id}/actions/reboot`; one that no route has is an error, so that a fault cannot miss silently.
 */
export class Faults {
  readonly #known: ReadonlySet<string>;
  readonly #planned: { pattern: string; fault: Fault }[] = [];
  readonly #actions: { command: string; fault: ActionFault }[] = [];
  #share = 0;
  #shared: Fault = { code: "server_error" };
  #random = 1;

  constructor(patterns: readonly string[]) {
    this.#known = new Set(patterns);
  }

  /** The next `times` requests that match fail like this. */
  next(pattern: string, fault: Fault, times = 1): void {
    if (!this.#known.has(pattern)) throw new Error(`inject a fault: a route is required, found '${pattern}'; there are ${[...this.#known].join(", ")}`);
    for (let i = 0; i < times; i++) this.#planned.push({ pattern, fault });
  }

  /** The next action with this command ends in `error` instead of `success`; the machine is not touched. */
  nextAction(command: string, fault: ActionFault, times = 1): void {
    for (let i = 0; i < times; i++) this.#actions.push({ command, fault });
  }

  /** This share (0 to 1) of all requests fails, from a seed, so that a run can be repeated. */
  rate(share: number, fault: Fault = { code: "bad_gateway" }, seed = 1): void {
    this.#share = share;
    this.#shared = fault;
    this.#random = seed;
  }

  clear(): void {
    this.#planned.length = 0;
    this.#actions.length = 0;
    this.#share = 0;
  }

  /** @internal The fault of this request, taken out of the plan. */
  take(pattern: string): Fault | undefined {
    const index = this.#planned.findIndex((planned) => planned.pattern === pattern);
    if (index >= 0) return this.#planned.splice(index, 1)[0]?.fault;
    return this.#share > 0 && this.#draw() < this.#share ? this.#shared : undefined;
  }

  /** @internal */
  takeAction(command: string): ActionFault | undefined {
    const index = this.#actions.findIndex((planned) => planned.command === command);
    return index >= 0 ? this.#actions.splice(index, 1)[0]?.fault : undefined;
  }

  /** Lehmer's generator (MINSTD): enough to spread faults, and the same on every machine. */
  #draw(): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647;
    return this.#random / 2_147_483_647;
  }
}

export function faultError(fault: { readonly code: ErrorCode; readonly message?: string }): ApiError {
  return new ApiError(fault.code, fault.message ?? DEFAULT_MESSAGE[fault.code] ?? "injected fault");
}

const DEFAULT_MESSAGE: Partial<Record<ErrorCode, string>> = {
  resource_unavailable: "error during placement",
  rate_limit_exceeded: "Limit of 3600 requests per hour reached",
  locked: "cannot perform operation because the resource is locked",
  conflict: "the resource has changed during the request, please retry",
  protected: "the resource is protected",
};
