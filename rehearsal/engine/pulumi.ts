import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

export interface PulumiOptions {
  /** The repository: its Pulumi.yaml is the project, its src the program. */
  readonly root: string;
  /** Private folder of this rehearsal: state backend, Pulumi's home, stack settings. */
  readonly workDir: string;
  readonly stack: string;
  /** Full configuration keys and values; structured values as JSON. */
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Where the `pulumi` CLI is on PATH; undefined when it is not. */
export function findPulumi(path = process.env["PATH"] ?? ""): string | undefined {
  return path.split(delimiter).filter((folder) => folder !== "").map((folder) => join(folder, "pulumi")).find((file) => existsSync(file));
}

/**
 * The real engine on a local file backend. The project is looked at through links from a private folder, so that no
 * settings of a rehearsed stack are written into the checkout.
 */
export class PulumiEngine {
  readonly #options: PulumiOptions;
  readonly #project: string;
  #ready = false;

  constructor(options: PulumiOptions) {
    this.#options = options;
    this.#project = join(options.workDir, "project");
  }

  /** `pulumi up`; gives the stack's outputs (secret ones as text, for the rehearsal's own use). */
  async up(config: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
    await this.#configure(config);
    await this.run(["up", "--yes", "--skip-preview", "--non-interactive", "--color", "never"]);
    return JSON.parse(await this.run(["stack", "output", "--json", "--show-secrets"], { quiet: true })) as Record<string, unknown>;
  }

  /** `pulumi preview` as a person sees it, with the difference of every changed property. */
  async preview(config: Readonly<Record<string, string>>, args: readonly string[] = ["--diff"]): Promise<string> {
    await this.#configure(config);
    return this.run(["preview", "--non-interactive", "--color", "never", ...args], { quiet: true });
  }

  /** Run any command of the CLI on this stack and give back its standard output. */
  async run(args: readonly string[], { stdin = "", quiet = false }: { stdin?: string; quiet?: boolean } = {}): Promise<string> {
    const { log, signal, stack, workDir } = this.#options;
    const scoped = args[0] === "stack" && args[1] === "init" ? args : [...args, "--stack", stack];
    const child = spawn("pulumi", scoped, {
      cwd: this.#project,
      env: {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${join(workDir, "state")}`,
        PULUMI_HOME: join(workDir, "home"),
        PULUMI_CONFIG_PASSPHRASE: "a rehearsal keeps nothing",
        PULUMI_SKIP_UPDATE_CHECK: "true",
      },
      ...(signal === undefined ? {} : { signal, killSignal: "SIGINT" as const }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data: Buffer) => {
      stdout += data.toString();
      if (!quiet) log(data.toString());
    });
    child.stderr.on("data", (data: Buffer) => {
      stderr += data.toString();
    });
    child.stdin.end(stdin);
    const code = await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (exit) => resolve(exit ?? 1));
    });
    if (code !== 0) throw new Error(`pulumi ${args[0] ?? ""}: exit 0 is required, found ${code}\n${stdout}${stderr}`.trimEnd());
    return stdout;
  }

  async #configure(config: Readonly<Record<string, string>>): Promise<void> {
    const { root, workDir, stack, secretKeys } = this.#options;
    if (!this.#ready) {
      for (const folder of ["state", "home", "project"]) await mkdir(join(workDir, folder), { recursive: true, mode: 0o700 });
      for (const name of ["src", "runtime", "server", "node_modules", "package.json"]) await symlink(join(root, name), join(this.#project, name));
      await writeFile(join(this.#project, "Pulumi.yaml"), await readFile(join(root, "Pulumi.yaml")));
      await this.run(["stack", "init", stack, "--non-interactive"], { quiet: true });
      this.#ready = true;
    }
    for (const [key, value] of Object.entries(config)) {
      const kind = secretKeys.includes(key) ? "--secret" : "--plaintext";
      // The value goes by standard input: an argument could be read by any process of this machine.
      await this.run(["config", "set", kind, "--non-interactive", key], { stdin: value, quiet: true });
    }
  }
}
