import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** How long the application may take to finish its jobs once it was told to stop. */
const GRACE_MS = 15_000;

/**
 * Processes of the application, each in a group of its own: a terminal's Ctrl-C goes to the whole foreground group, and a
 * second signal would end them before their jobs are finished.
 */
export class DevProcesses {
  readonly #running = new Map<string, ChildProcess>();
  readonly #env: NodeJS.ProcessEnv;
  readonly #cwd: string;
  readonly #print: (name: string, line: string) => void;

  constructor(cwd: string, env: NodeJS.ProcessEnv, print: (name: string, line: string) => void) {
    this.#cwd = cwd;
    this.#env = env;
    this.#print = print;
  }

  /** Run to the end. @throws {Error} unless it exits 0 */
  async run(name: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
    const code = await this.start(name, argv, env);
    if (code !== 0) throw new Error(`${name}: exit 0 is required, found ${code ?? "a signal"}; what it said is above`);
  }

  /** Start, and pass its lines on under its name. @returns its exit code when it ends; null for a signal */
  async start(name: string, [file = "node", ...args]: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number | null> {
    const child = spawn(file, args, { cwd: this.#cwd, env: { ...this.#env, ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.#running.set(name, child);
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) this.#print(name, line);
      });
      stream.on("end", () => {
        if (rest !== "") this.#print(name, rest);
      });
    }
    const [code] = (await once(child, "exit")) as [number | null];
    this.#running.delete(name);
    return code;
  }

  /** Tell all to stop, wait, and end what does not. */
  async stop(): Promise<void> {
    const children = [...this.#running.values()];
    const ends = children.map((child) => (child.exitCode === null && child.signalCode === null ? once(child, "exit") : Promise.resolve()));
    for (const child of children) signalGroup(child.pid, "SIGTERM");
    const timer = setTimeout(() => {
      for (const child of children) signalGroup(child.pid, "SIGKILL");
    }, GRACE_MS);
    await Promise.all(ends);
    clearTimeout(timer);
  }

  /** End everything without waiting. */
  kill(): void {
    for (const child of this.#running.values()) signalGroup(child.pid, "SIGKILL");
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}
