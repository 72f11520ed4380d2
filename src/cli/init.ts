import { ConfigError, parseConfig } from "../config/faults.ts";
import { fromStack } from "../config/stack.ts";
import { valueAt } from "../config/issues.ts";
import { CommandError } from "./command.ts";
import { flagOf, initOptions, type InitOptions } from "./init-options.ts";
import { deployKeySteps, generatedSteps, secretStep, settingSteps, tokenStep, type Settings, type StackValues, type Step } from "./init-plan.ts";
import { exampleValues } from "./init-examples.ts";
import { isManagedAfter, PLAN, redisSteps } from "./init-redis.ts";
import { mustRun, runPulumi, type RunPulumi } from "./pulumi.ts";
import { terminalAsker, type Asker } from "./terminal.ts";

export { help } from "./init-options.ts";

/** What `init` does to the world; tests hand in others. */
export interface InitEffects {
  readonly pulumi: RunPulumi;
  /** Undefined where nobody can be asked. */
  readonly asker: Asker | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
}

export async function run(args: readonly string[]): Promise<number> {
  const options = initOptions(args);
  const asker = !options.yes && process.stdin.isTTY ? terminalAsker() : undefined;
  try {
    return await init(options, { pulumi: runPulumi, asker, env: process.env, say: (line) => process.stderr.write(`${line}\n`) });
  } finally {
    asker?.close();
  }
}

/** @returns 0 when the stack is complete afterwards. @throws {ConfigError} with what it still lacks. */
export async function init(options: InitOptions, effects: InitEffects): Promise<number> {
  const { stack } = options;
  if (!options.yes && effects.asker === undefined) {
    throw new CommandError("init asks questions: required a terminal on standard input, or --yes with the options that answer them; found neither; see `berth help init`");
  }
  const before = await existing(options, effects);
  const input = inputOf(before);
  const examples = exampleValues(input);
  const settings = await decide(options.settings, input, effects.asker, examples);
  const undecided = examples.filter((path) => !Object.hasOwn(settings, path));
  if (undecided.length > 0) {
    throw new CommandError(undecided.map((path) => `${path}: required a value of your own; found the example's, ${JSON.stringify(valueAt(input, path.split(".")))}; see \`berth help init\` for its option`).join("\n"));
  }

  const managed = isManagedAfter(settings, input, effects.env);
  if (managed && options.rotate.includes("redisPassword")) throw new CommandError("--rotate=redisPassword: required a Redis of Berth's own; found a managed one; change the password at its provider, then run this with the new URL in BERTH_REDIS_URL");
  const steps: Step[] = [
    ...settingSteps(settings, (path) => {
      const current = valueAt(input, path.split("."));
      return typeof current === "number" ? String(current) : current;
    }),
    // A managed Redis has its provider's password, in its URL.
    ...generatedSteps((name) => (managed && name === "redisPassword") || valueAt(input, ["secrets", name]) !== undefined, options.rotate.filter((name) => name !== "deployKey")),
    ...(await redisSteps(managed, input, effects)),
    ...(options.rotate.includes("deployKey") ? deployKeySteps((name) => textOf(valueAt(input, ["secrets", name])) || undefined) : []),
    ...(await registryPassword(settings, input, effects)),
    ...(await token(options, before, effects)),
  ];
  // Held against every rule as it will be, so that a wrong answer is refused before anything is written.
  judged(afterwards(input, settings, steps), stack);
  for (const step of steps) {
    await mustRun(effects.pulumi, `writing ${step.args.at(-1) ?? "configuration"}`.replace(/=.*/s, ""), [...step.args, "--stack", stack], step.stdin);
    effects.say(`  ${step.says}`);
  }
  if (steps.length === 0) effects.say("  nothing to write: the stack has its settings and secrets");

  parseConfig(inputOf(await values(stack, effects)));
  effects.say(`stack ${stack} is complete; next: npx pulumi preview --stack ${stack}, then npx pulumi up --stack ${stack}`);
  if (options.rotate.includes("hostKey")) effects.say("rotated: a living server keeps the host key that it has, and is refused until it is given this one: docs/configuration.md, \"Another host key\"");
  return 0;
}

/** @throws {ConfigError} each fault with the option that mends it */
function judged(input: unknown, stack: string): void {
  try {
    parseConfig(input);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const faults = error.faults.map((fault) => ({ ...fault, path: [fault.path, flagOf(fault.path)].filter((it) => it !== undefined).join(", ") }));
    throw new ConfigError(faults, `next: run \`berth init ${stack}\` again, with these options or in a terminal, where it asks; what has no option stands in Pulumi.${stack}.yaml; no setting was written`);
  }
}

/** How Pulumi says it, for every way of writing a stack's name and on every backend; its Automation API goes by the same words. */
const NO_STACK = /no stack named .* found/;

/** The stack's values; the stack is created where that was asked for. */
async function existing({ stack, create }: InitOptions, effects: InitEffects): Promise<StackValues> {
  const read = await effects.pulumi(reading(stack));
  if (!NO_STACK.test(read.stderr)) return await values(stack, { pulumi: () => Promise.resolve(read) });
  const wanted = create || (await effects.asker?.ask(`There is no stack ${stack}. Create it (yes, no)`, "yes")) === "yes";
  if (!wanted) {
    const there = stackNames((await effects.pulumi(["stack", "ls", "--json"])).stdout);
    throw new CommandError(`opening stack ${stack}: required a stack of that name; found ${there.join(", ") || "none"}; run \`npx pulumi stack init ${stack}\`, or this with --create`);
  }
  await mustRun(effects.pulumi, `creating stack ${stack}`, ["stack", "init", stack, "--no-select"]);
  effects.say(`  stack ${stack} created`);
  return await values(stack, effects);
}

function stackNames(json: string): string[] {
  const list: unknown = JSON.parse(json);
  if (!Array.isArray(list)) return [];
  return list.map((it: unknown) => textOf(valueAt(it, ["name"])));
}

/** Secrets are among them, in this process's memory and nowhere else: what is there must not be generated again. */
async function values(stack: string, { pulumi }: Pick<InitEffects, "pulumi">): Promise<StackValues> {
  const text = await mustRun(pulumi, `reading stack ${stack}`, reading(stack));
  const map: unknown = JSON.parse(text);
  if (typeof map !== "object" || map === null) return {};
  return Object.fromEntries(Object.entries(map).map(([key, entry]: [string, unknown]) => [key, textOf(valueAt(entry, ["value"]))]));
}

function reading(stack: string): readonly string[] {
  return ["config", "--json", "--show-secrets", "--stack", stack];
}

/** As the answer to a question. */
function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : textOf(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The configuration once these settings and secrets are written. */
function afterwards(input: Record<string, unknown>, settings: Settings, steps: readonly Step[]): unknown {
  const copy = structuredClone(input);
  // As `pulumi config set-all --path` reads it.
  const read = (path: string, value: string | readonly string[]): unknown => (path === PLAN && /^\d+$/.test(String(value)) ? Number(value) : value);
  for (const [path, value] of Object.entries(settings)) setAt(copy, path.split("."), value.length === 0 ? undefined : read(path, value));
  for (const { stdin, args } of steps) {
    const path = /^berth:(secrets\..*)$/.exec(args.at(-1) ?? "")?.[1];
    if (path !== undefined && (stdin !== undefined || args[1] === "rm")) setAt(copy, path.split("."), stdin);
  }
  return copy;
}

function setAt(tree: Record<string, unknown>, [name = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    if (value === undefined) delete tree[name];
    else tree[name] = value;
    return;
  }
  const next: unknown = tree[name];
  const holder: Record<string, unknown> = typeof next === "object" && next !== null && !Array.isArray(next) ? { ...next } : {};
  setAt(holder, rest, value);
  if (value !== undefined || next !== undefined) tree[name] = holder;
}

function inputOf(all: StackValues): Record<string, unknown> {
  return fromStack(Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith("berth:")).map(([key, value]) => [key.slice("berth:".length), value])));
}

/** In the order they are asked. A list is asked as one line. */
const questions: readonly { readonly path: string; readonly question: string; readonly list?: true; readonly optional?: true }[] = [
  { path: "domain", question: "Domain the application is served under (- for none: plain HTTP)", optional: true },
  { path: "server.type", question: "Hetzner server type, such as cx33" },
  { path: "server.location", question: "Hetzner location" },
  { path: "ssh.sources", question: "Address ranges that may reach port 22, such as 203.0.113.7/32", list: true },
  { path: "app.image", question: "Image of the application, with a version or digest" },
  { path: "app.queues", question: "Bull queues", list: true },
  { path: PLAN, question: "Connections that a managed Redis's plan allows (- for a Redis of Berth's own)", optional: true },
];

/** Told on the command line, else asked with what the stack says as the default answer (but not with an example's), else left as it is. */
async function decide(told: Settings, input: unknown, asker: Asker | undefined, examples: readonly string[]): Promise<Settings> {
  if (asker === undefined) return withoutDomain(told);
  const settings: Record<string, string | readonly string[]> = { ...told };
  for (const { path, question, list, optional } of questions) {
    if (Object.hasOwn(settings, path)) continue;
    const current = examples.includes(path) ? undefined : valueAt(input, path.split("."));
    const answer = await asker.ask(question, Array.isArray(current) ? current.join(" ") : shown(current) || (optional ? "-" : ""));
    if (list) settings[path] = answer.split(/[\s,]+/).filter((it) => it !== "");
    else if (answer === "-" && optional) settings[path] = "";
    else if (answer !== "") settings[path] = answer;
  }
  return withoutDomain(settings);
}

/** Certificates are for a name: without one, the address that goes with them is taken out too. */
function withoutDomain(settings: Settings): Settings {
  return settings["domain"] === "" ? { ...settings, "acme.email": "" } : settings;
}

async function registryPassword(settings: Settings, input: unknown, { asker, env }: InitEffects): Promise<Step[]> {
  const server = settings["registry.server"] ?? textOf(valueAt(input, ["registry", "server"]));
  if (typeof server !== "string" || server === "" || valueAt(input, ["secrets", "registryPassword"]) !== undefined) return [];
  const password = env["BERTH_REGISTRY_PASSWORD"] ?? (await asker?.askSecret(`Password or token at ${server}`)) ?? "";
  return password === "" ? [] : [secretStep("secrets.registryPassword", password, "stored")];
}

async function token(options: InitOptions, before: StackValues, { asker, env }: InitEffects): Promise<Step[]> {
  if ((before["hcloud:token"] ?? "") !== "") return [];
  const fromEnvironment = env["HCLOUD_TOKEN"] ?? "";
  if (options.storeToken) {
    if (fromEnvironment === "") throw new CommandError("--store-token: required HCLOUD_TOKEN in the environment; found none; export it, or leave the option out to be asked");
    return [tokenStep(fromEnvironment)];
  }
  if (fromEnvironment !== "" || asker === undefined) return [];
  const answer = await asker.askSecret("Hetzner Cloud API token, read and write (empty: HCLOUD_TOKEN at each run)");
  return answer === "" ? [] : [tokenStep(answer)];
}
