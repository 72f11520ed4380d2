import { type ChildProcess, spawn } from "node:child_process";

/**
 * How long an interrupted engine has to end what it began. A command over SSH cannot be cancelled in the provider, so
 * this is not the length of a release: what it was for is taken down anyway.
 */
const GRACE_MS = 8_000;
/** After a second signal the engine ends its plugins and itself at once. */
const HARD_MS = 3_000;

export interface PulumiRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Run the CLI in a process group of its own: a terminal's Ctrl-C goes to a whole group, and a second interrupt makes the
 * engine drop what it is doing. So it gets exactly one, from here, when `signal` aborts.
 */
export function runPulumi(cli: string, args: readonly string[], options: {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: string;
  readonly onLine: (line: string) => void;
  readonly signal?: AbortSignal;
}): Promise<PulumiRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(cli, args, { cwd: options.cwd, env: options.env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    running.add(child);
    const said = { stdout: "", stderr: "" };
    for (const from of ["stdout", "stderr"] as const) {
      let rest = "";
      child[from].setEncoding("utf8");
      child[from].on("data", (text: string) => {
        said[from] += text;
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) options.onLine(line);
      });
      child[from].on("end", () => {
        if (rest !== "") options.onLine(rest);
      });
    }
    const timers: NodeJS.Timeout[] = [];
    const interrupt = (): void => {
      child.kill("SIGINT");
      timers.push(setTimeout(() => child.kill("SIGINT"), GRACE_MS), setTimeout(() => child.kill("SIGKILL"), GRACE_MS + HARD_MS));
    };
    if (options.signal?.aborted === true) interrupt();
    else options.signal?.addEventListener("abort", interrupt, { once: true });
    child.on("error", reject);
    // `exit`, not `close`: a plugin that lives a moment longer holds the pipes open.
    child.on("exit", (code) => {
      running.delete(child);
      for (const timer of timers) clearTimeout(timer);
      options.signal?.removeEventListener("abort", interrupt);
      setImmediate(() => resolve({ code: code ?? 1, ...said }));
    });
    // A command that reads nothing may be gone before its input is written.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.stdin);
  });
}
