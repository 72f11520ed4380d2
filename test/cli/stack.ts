import type { InitEffects } from "../../src/cli/init.ts";
import type { Outcome, RunPulumi } from "../../src/cli/pulumi.ts";

/** A stand-in for the Pulumi CLI: stacks in memory, and every call as it was made. */
export interface FakePulumi {
  readonly run: RunPulumi;
  readonly calls: { readonly args: readonly string[]; readonly stdin: string }[];
  /** Top-level key -> value, as a stack's file holds it. */
  readonly config: Record<string, unknown>;
}

export function fakePulumi(config: Record<string, unknown> = {}, stacks: string[] = ["prod"]): FakePulumi {
  const calls: FakePulumi["calls"] = [];
  const run: RunPulumi = (args, stdin = "") => {
    calls.push({ args, stdin });
    return Promise.resolve(answer(args, stdin, config, stacks));
  };
  return { run, calls, config };
}

function answer(args: readonly string[], stdin: string, config: Record<string, unknown>, stacks: string[]): Outcome {
  const words = args.filter((it) => !it.startsWith("--"));
  const [area, verb, first] = words;
  const stack = args[args.indexOf("--stack") + 1] ?? "";
  if (args.includes("--stack") && !stacks.includes(stack)) return { code: 6, stdout: "", stderr: `error: no stack named '${stack}' found\n` };
  if (area === "stack" && verb === "ls") return done(JSON.stringify(stacks.map((name) => ({ name }))));
  if (area === "stack" && verb === "init" && first !== undefined) {
    stacks.push(first);
    return done("");
  }
  if (area === "config" && verb === "set" && first !== undefined) return put(config, first, stdin);
  if (area === "config" && verb === "rm" && first !== undefined) return put(config, first, undefined);
  if (area === "config" && verb === "set-all") {
    for (const pair of words.slice(2).filter((it) => it.includes("="))) put(config, pair.slice(0, pair.indexOf("=")), typed(pair.slice(pair.indexOf("=") + 1)));
    return done("");
  }
  if (area === "config") {
    const entries = Object.entries(config).map(([key, value]) => [key, { value: typeof value === "string" ? value : JSON.stringify(value) }]);
    return done(JSON.stringify(Object.fromEntries(entries)));
  }
  return { code: 255, stdout: "", stderr: `unknown command ${args.join(" ")}` };
}

function done(stdout: string): Outcome {
  return { code: 0, stdout, stderr: "" };
}

/** `--path` writes a whole number as one. */
function typed(text: string): string | number {
  return /^(?:0|[1-9]\d*)$/.test(text) ? Number(text) : text;
}

/** `berth:a.b[0]`: the first part is a key of the file, the rest a path into it. */
function put(config: Record<string, unknown>, path: string, value: unknown): Outcome {
  const parts = path.replaceAll(/\[(\d+)\]/g, ".$1").split(".");
  const last = parts.pop() ?? "";
  let holder: object = config;
  for (const [index, part] of parts.entries()) {
    const next: unknown = Reflect.get(holder, part);
    const isList = /^\d+$/.test(parts[index + 1] ?? last);
    const child: object = typeof next === "object" && next !== null ? next : isList ? [] : {};
    Reflect.set(holder, part, child);
    holder = child;
  }
  if (value === undefined) Reflect.deleteProperty(holder, last);
  else Reflect.set(holder, last, value);
  return done("");
}

/** Effects around a fake; nothing is asked unless answers are given: question's beginning -> answer. */
export function effects(pulumi: FakePulumi, answers?: Readonly<Record<string, string>>, env: Record<string, string> = {}): InitEffects & { readonly said: string[]; readonly asked: string[] } {
  const said: string[] = [];
  const asked: string[] = [];
  const reply = (question: string, otherwise: string): Promise<string> => {
    asked.push(question);
    return Promise.resolve(Object.entries(answers ?? {}).find(([start]) => question.startsWith(start))?.[1] ?? otherwise);
  };
  const asker = answers === undefined ? undefined : { ask: reply, askSecret: (question: string) => reply(question, ""), close: () => undefined };
  return { pulumi: pulumi.run, asker, env, say: (line) => said.push(line), said, asked };
}
