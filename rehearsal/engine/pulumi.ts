import { randomBytes } from "node:crypto";
import { appendFile, mkdir, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory } from "../cache.ts";
import type { Carried, DeploymentEngine } from "./choice.ts";
import { type Change, readEvents } from "./pulumi-events.ts";
import { linkPlugins } from "./pulumi-plugins.ts";
import { runPulumi } from "./pulumi-process.ts";
import { secretLeaves, writePlain } from "./pulumi-settings.ts";
import type { Counters } from "./protocol.ts";
import { UpError } from "./up.ts";

export interface PulumiOptions {
  /** Path of the `pulumi` program. */
  readonly cli: string;
  /** The repository: its Pulumi.yaml is the project, its src the program. */
  readonly root: string;
  /** Another program of the repository than Pulumi.yaml's, for tests: `test/…/program.ts`. */
  readonly program?: string;
  /** Private folder of this rehearsal: state backend, Pulumi's home, passphrase, stack settings. */
  readonly workDir: string;
  readonly stack: string;
  /** Of the Hetzner-compatible API, with `/v1`. */
  readonly endpoint: string;
  readonly token: string;
  /** Which keys of the configuration are secret. */
  readonly secretKeys: readonly string[];
  readonly signal?: AbortSignal;
}

/** What of the repository the program needs to see beside its Pulumi.yaml. */
const LINKED = ["src", "runtime", "server", "scripts", "node_modules", "package.json", "package-lock.json", "tsconfig.json"];

type Log = (line: string) => void;
type Config = Readonly<Record<string, string>>;
const QUIET: Log = () => undefined;

/** What a command of the engine came to: its text for people, and what it did or would do. */
export interface Told {
  readonly text: string;
  readonly changes: readonly Change[];
  readonly counters: Counters;
}

/**
 * The real engine on a local file backend. The project is looked at through links from a private folder, so that no
 * settings of a rehearsed stack are written into the checkout.
 */
export class PulumiEngine implements DeploymentEngine {
  readonly kind = "pulumi";
  readonly description: string;
  readonly #options: PulumiOptions;
  readonly #project: string;
  readonly #eventLog: string;
  readonly #secretsSet = new Map<string, string>();
  #running: Promise<unknown> = Promise.resolve();

  private constructor(options: PulumiOptions, version: string) {
    this.#options = options;
    this.#project = join(options.workDir, "project");
    this.#eventLog = join(options.workDir, "events.jsonl");
    this.description = `Pulumi ${version} with Hetzner's provider, on a file backend.`;
  }

  /** Make the private folder and the stack in it. */
  static async start(options: PulumiOptions): Promise<PulumiEngine> {
    const { root, workDir, stack } = options;
    for (const folder of ["state", "home", "project"]) await mkdir(join(workDir, folder), { recursive: true, mode: 0o700 });
    await writeFile(join(workDir, "passphrase"), randomBytes(24).toString("base64url"), { mode: 0o600 });
    const project = join(workDir, "project");
    for (const name of options.program === undefined ? LINKED : [...LINKED, "test"]) await symlink(join(root, name), join(project, name));
    const described = await readFile(join(root, "Pulumi.yaml"), "utf8");
    await writeFile(join(project, "Pulumi.yaml"), options.program === undefined ? described : described.replace(/^main: .*$/m, `main: ${options.program}`).replace(/^( *)typescript: false$/m, '$&\n$1nodeargs: "--import tsx"'));
    const plugins = cacheDirectory("pulumi-plugins");
    await mkdir(plugins, { recursive: true });
    await linkPlugins(plugins, root);
    await symlink(plugins, join(workDir, "home", "plugins"));
    const version = (await new PulumiEngine(options, "").run(["version"], { scoped: false })).trim().replace(/^v/, "");
    const engine = new PulumiEngine(options, version);
    await engine.run(["stack", "init", stack], { scoped: false });
    return engine;
  }

  /** `pulumi up`. The outputs are the stack's, secret ones in the clear: for the rehearsal's own use. */
  async up(config: Config, log: Log = QUIET): Promise<Carried> {
    await this.configure(config);
    const { changes, counters } = await this.#operate(["up", "--yes", "--skip-preview", "--suppress-progress"], log);
    return { outputs: await this.outputs(), changes, counters };
  }

  /** The stack's outputs as they are now. */
  async outputs(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.run(["stack", "output", "--json", "--show-secrets"])) as Record<string, unknown>;
  }

  /** `pulumi preview` as a person sees it, with the difference of every changed property. */
  async preview(config: Config, args: readonly string[] = ["--diff"]): Promise<Told> {
    await this.configure(config);
    return this.#operate(["preview", ...args], QUIET);
  }

  /** `pulumi refresh`: the state as the provider finds things now. */
  refresh(log: Log = QUIET): Promise<Told> {
    return this.#operate(["refresh", "--yes", "--skip-preview"], log);
  }

  /** `pulumi destroy`. */
  destroy(log: Log = QUIET, args: readonly string[] = []): Promise<Told> {
    return this.#operate(["destroy", "--yes", "--skip-preview", ...args], log);
  }

  /** Text of every file of the state backend, present and past: where no secret may stand in the clear. */
  async state(): Promise<string> {
    const folder = join(this.#options.workDir, "state");
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    return (await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), "utf8")))).join("\n");
  }

  /** Every engine event of every command so far, as JSON lines: what Pulumi's own displays are made of. */
  events(): Promise<string> {
    return readFile(this.#eventLog, "utf8");
  }

  /** The stack's settings file. */
  settings(): Promise<string> {
    return readFile(join(this.#project, `Pulumi.${this.#options.stack}.yaml`), "utf8");
  }

  /** Write the stack's settings as they are wanted. */
  async configure(config: Config): Promise<void> {
    const { endpoint, token, secretKeys, stack } = this.#options;
    const wanted = { config: { ...config, "hcloud:endpoint": endpoint, "hcloud:token": token }, secretKeys: [...secretKeys, "hcloud:token"] };
    await writePlain(join(this.#project, `Pulumi.${stack}.yaml`), wanted);
    const leaves = secretLeaves(wanted);
    for (const path of this.#secretsSet.keys()) {
      if (leaves.some((leaf) => leaf.path === path)) continue;
      await this.run(["config", "rm", "--path", path]);
      this.#secretsSet.delete(path);
    }
    for (const { path, value } of leaves) {
      if (this.#secretsSet.get(path) === value) continue;
      // By standard input: an argument could be read by any process of this machine.
      await this.run(["config", "set", "--secret", "--path", path], { stdin: value });
      this.#secretsSet.set(path, value);
    }
  }

  /** Folder with the project's Pulumi.yaml and the stack's settings. */
  get project(): string {
    return this.#project;
  }

  /** Path of the `pulumi` program. */
  get cli(): string {
    return this.#options.cli;
  }

  /** What a command of the CLI sees, for another stack of this engine's. */
  get environment(): NodeJS.ProcessEnv {
    return environment(this.#options.workDir);
  }

  get stack(): string {
    return this.#options.stack;
  }

  /** What leads `pulumi` to this rehearsal's stack: add it to an environment. */
  get variables(): Record<string, string> {
    return variables(this.#options.workDir);
  }

  /** Run any command of the CLI on this stack and give back its standard output. @throws {Error} unless it exits 0 */
  async run(args: readonly string[], options: { readonly stdin?: string; readonly scoped?: boolean; readonly log?: Log } = {}): Promise<string> {
    const { cli, signal, stack, workDir } = this.#options;
    const scope = options.scoped === false ? [] : ["--stack", stack];
    const run = runPulumi(cli, [...args, ...scope, "--non-interactive", "--color", "never"], {
      cwd: this.#project,
      env: environment(workDir),
      stdin: options.stdin ?? "",
      onLine: options.log ?? QUIET,
      ...(signal === undefined ? {} : { signal }),
    });
    this.#running = run;
    const { code, stdout, stderr } = await run;
    if (signal?.aborted === true) throw new Error("interrupted");
    if (code !== 0) throw new Error(`pulumi ${args.slice(0, 2).join(" ")}: exit 0 is required, found ${code}\n${why(stdout, stderr)}`);
    return stdout;
  }

  async ended(): Promise<void> {
    await Promise.allSettled([this.#running]);
  }

  async #operate(args: readonly string[], log: Log): Promise<Told> {
    const events = join(this.#options.workDir, "last-events.jsonl");
    await rm(events, { force: true });
    try {
      const text = await this.run([...args, "--event-log", events], { log });
      return { text, ...(await this.#kept(events)) };
    } catch (error) {
      const { counters } = await this.#kept(events);
      throw new UpError(error instanceof Error ? error.message : String(error), counters);
    }
  }

  async #kept(events: string): Promise<ReturnType<typeof readEvents>> {
    const text = await readFile(events, "utf8").catch(() => "");
    await appendFile(this.#eventLog, text);
    return readEvents(text);
  }
}

/** Of this machine's own Pulumi and Hetzner settings, none reach a rehearsal. */
function environment(workDir: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(PULUMI|HCLOUD|BERTH)_/.test(name));
  return { ...Object.fromEntries(own), ...variables(workDir) };
}

function variables(workDir: string): Record<string, string> {
  return {
    PULUMI_BACKEND_URL: `file://${join(workDir, "state")}`,
    PULUMI_HOME: join(workDir, "home"),
    PULUMI_CONFIG_PASSPHRASE_FILE: join(workDir, "passphrase"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
    // `--event-log` is known only with it.
    PULUMI_DEBUG_COMMANDS: "true",
  };
}

/** The diagnostics are what a person looks for; without any, everything that was said. */
function why(stdout: string, stderr: string): string {
  const at = stdout.indexOf("\nDiagnostics:");
  return `${at === -1 ? stdout : stdout.slice(at + 1)}${stderr}`.trim();
}
