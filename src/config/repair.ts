import { configSchema, type Config } from "./schema.ts";

/**
 * A configuration whose keys are not all in order is judged as far as it goes: what is broken is taken out, defaults and
 * stand-ins take its place, and the rules that read it are left out by the caller.
 */

const STAND_IN = "stand-in";
const standIns: readonly (readonly [path: readonly PropertyKey[], value: unknown])[] = [
  [["server", "type"], STAND_IN],
  [["app", "image"], STAND_IN],
  [["app", "queues"], [STAND_IN]],
  [["registry", "server"], STAND_IN],
  [["registry", "username"], STAND_IN],
  ...["postgresPassword", "deployKey", "hostKey"].map((name) => [["secrets", name], STAND_IN] as const),
];
/** Each pass may uncover faults below the ones it took out; the schema is less deep than this. */
const PASSES = 6;

/** The configuration without its broken keys; undefined when nothing can be made of it. */
export function repaired(input: unknown): Config | undefined {
  const copy: unknown = isMap(input) ? structuredClone(input) : {};
  for (let pass = 0; pass < PASSES; pass += 1) {
    const result = configSchema.safeParse(copy);
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      if (issue.code === "unrecognized_keys") issue.keys.forEach((key) => remove(copy, [...issue.path, key]));
      else remove(copy, issue.path);
    }
    for (const [path, value] of standIns) fill(copy, path, value);
  }
  return undefined;
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Take out what is at a path; a list goes whole, since its other places would shift. */
function remove(root: unknown, path: readonly PropertyKey[]): void {
  let holder: unknown = root;
  for (const part of path.slice(0, -1)) {
    const next: unknown = isMap(holder) ? Reflect.get(holder, part) : undefined;
    if (Array.isArray(next)) return void (isMap(holder) && Reflect.deleteProperty(holder, part));
    holder = next;
  }
  const last = path.at(-1);
  if (last !== undefined && isMap(holder)) Reflect.deleteProperty(holder, last);
}

/** Put a stand-in where a required key is missing. An optional map that is absent stays so. */
function fill(root: unknown, [section, key]: readonly PropertyKey[], value: unknown): void {
  if (!isMap(root) || section === undefined || key === undefined) return;
  if (!Object.hasOwn(root, section)) {
    if (section === "registry") return;
    Reflect.set(root, section, {});
  }
  const holder: unknown = Reflect.get(root, section);
  if (isMap(holder) && !Object.hasOwn(holder, key)) Reflect.set(holder, key, value);
}
