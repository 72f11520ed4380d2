import { secretMakers, type GeneratedName } from "../config/generate.ts";

/** The commands that `berth init` gives to Pulumi, as data. Pure but for the chance in new secrets. */

/** One `pulumi` command, less its stack. */
export interface Step {
  /** For the person: what is written, never a secret value. */
  readonly says: string;
  readonly args: readonly string[];
  /** What the command reads. A secret is nowhere else. */
  readonly stdin?: string;
}

/** Full key -> text, as `pulumi config --json --show-secrets` tells it; a section is JSON. */
export type StackValues = Readonly<Record<string, string>>;

export type Settings = Readonly<Record<string, string | readonly string[]>>;

/** Write settings that differ from what the stack says. An empty text takes one out. */
export function settingSteps(settings: Settings, current: (path: string) => unknown): Step[] {
  const changed = Object.entries(settings).filter(([path, value]) => JSON.stringify(current(path) ?? "") !== JSON.stringify(value));
  const gone = changed.filter(([path, value]) => value.length === 0 || (Array.isArray(value) && hasItems(current(path))));
  const set = changed.flatMap(([path, value]) => assignments(path, value));
  return [
    ...gone.map(([path, value]) => ({
      says: value.length === 0 ? `berth:${path} taken out` : `berth:${path} emptied, to be written anew`,
      args: ["config", "rm", "--path", `berth:${path}`],
    })),
    ...(set.length === 0 ? [] : [{ says: set.join(", "), args: ["config", "set-all", "--path", ...set.flatMap((it) => ["--plaintext", it])] }]),
  ];
}

function hasItems(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function assignments(path: string, value: string | readonly string[]): string[] {
  if (typeof value === "string") return value === "" ? [] : [`berth:${path}=${value}`];
  return value.map((item, index) => `berth:${path}[${index}]=${item}`);
}

/** Generate the secrets that the stack has not got, and those to be rotated. */
export function generatedSteps(has: (name: GeneratedName) => boolean, rotate: readonly GeneratedName[], make: typeof secretMakers = secretMakers): Step[] {
  return generatedNames(make)
    .filter((name) => !has(name) || rotate.includes(name))
    .map((name) => secretStep(`secrets.${name}`, make[name](), has(name) ? "rotated" : "generated"));
}

/**
 * One step of the deploy key's rotation. The server accepts two keys in between, so that at no time nobody can sign in:
 * a next key is added; it takes the present one's place; the previous one is dropped. A `pulumi up` belongs between the steps.
 */
export function deployKeySteps(secret: (name: string) => string | undefined, make: () => string = secretMakers.deployKey): readonly Step[] {
  const [present, next, previous] = [secret("deployKey"), secret("nextDeployKey"), secret("previousDeployKey")];
  if (present === undefined) return [];
  if (previous !== undefined) return [removal("secrets.previousDeployKey", "dropped: rotation 3 of 3; after `pulumi up` the server refuses it")];
  if (next === undefined) return [secretStep("secrets.nextDeployKey", make(), "generated: rotation 1 of 3; `pulumi up` adds it to the server, then run this again")];
  return [
    secretStep("secrets.previousDeployKey", present, "is the present key: rotation 2 of 3"),
    secretStep("secrets.deployKey", next, "is the next key: `pulumi up` signs in with it, then run this again"),
    removal("secrets.nextDeployKey", "taken out"),
  ];
}

function removal(path: string, how: string): Step {
  return { says: `berth:${path} ${how}`, args: ["config", "rm", "--path", `berth:${path}`] };
}

function generatedNames(make: typeof secretMakers): GeneratedName[] {
  return Object.keys(make).filter((name): name is GeneratedName => Object.hasOwn(secretMakers, name));
}

/** Store one secret under `berth:`. */
export function secretStep(path: string, value: string, how: string): Step {
  return { says: `berth:${path} ${how}`, args: ["config", "set", "--secret", "--path", `berth:${path}`], stdin: value };
}

/** Store the Hetzner token, where its provider looks for it. */
export function tokenStep(token: string): Step {
  return { says: "hcloud:token stored", args: ["config", "set", "--secret", "hcloud:token"], stdin: token };
}
