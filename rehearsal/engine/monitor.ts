import { AsyncLocalStorage } from "node:async_hooks";
import { getProject, getStack } from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";

/** What a program says of a resource besides its inputs, and the test hook does not pass on. */
export interface Registration {
  readonly urn: string;
  readonly ignoreChanges: readonly string[];
  readonly secretOutputs: readonly string[];
  /** `Resource.get` and `import`: the resource exists. */
  readonly adopts: boolean;
}

const current = new AsyncLocalStorage<Registration>();

/** The registration that the running `newResource` is for. */
export function registration(): Registration {
  const found = current.getStore();
  if (found === undefined) throw new Error("the in-process engine lost track of a registration: @pulumi/pulumi has changed; see rehearsal/engine/monitor.ts");
  return found;
}

interface Request {
  getParent(): string;
  getType(): string;
  getName(): string;
  getIgnorechangesList?(): string[];
  getAdditionalsecretoutputsList(): string[];
  getImportid?(): string;
}
type Register = (request: Request, callback: unknown) => Promise<void>;

/**
 * Pulumi's mock monitor hands `newResource` the inputs and no options. This wraps its two entries so that the URN,
 * `ignoreChanges` and secret outputs are known too, and lets it accept resource hooks (which it cannot run).
 */
export function extendMonitor(): void {
  const prototype: object = MockMonitor.prototype;
  for (const method of ["registerResource", "readResource"] as const) {
    const original: unknown = Reflect.get(prototype, method);
    if (!isRegister(original)) throw new Error(`the in-process engine needs MockMonitor.${method}: @pulumi/pulumi has changed; see rehearsal/engine/monitor.ts`);
    const extended = function (this: MockMonitor, request: Request, callback: unknown): Promise<void> {
      const store: Registration = {
        urn: urnOf(request),
        ignoreChanges: request.getIgnorechangesList?.() ?? [],
        secretOutputs: request.getAdditionalsecretoutputsList(),
        adopts: method === "readResource" || (request.getImportid?.() ?? "") !== "",
      };
      return current.run(store, () => original.call(this, request, callback));
    };
    Reflect.set(prototype, method, extended);
  }
  for (const method of ["registerResourceHook", "registerErrorHook"]) {
    Reflect.set(prototype, method, (_request: unknown, callback: (error: null, response: object) => void) => callback(null, {}));
  }
}

function isRegister(value: unknown): value is Register {
  return typeof value === "function";
}

/** As the engine makes it: stack, project, the types from the outermost parent on, name. */
function urnOf(request: Request): string {
  const parent = request.getParent();
  const parentTypes = parent === "" ? "" : `${parent.split("::")[2]?.split("$").at(-1) ?? ""}$`;
  return ["urn:pulumi:" + getStack(), getProject(), `${parentTypes}${request.getType()}`, request.getName()].join("::");
}
