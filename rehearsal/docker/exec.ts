import { type ChildProcess, spawn } from "node:child_process";

/** Takes one line of progress. */
export type Log = (line: string) => void;

export interface ExecOptions {
  readonly input?: string | Buffer;
  /** Killed after this many milliseconds; 60 s unless given. */
  readonly timeoutMs?: number;
  /** Replaces the environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Called for each line of standard output and error as it comes. */
  readonly onLine?: Log;
  /** Directory to run in; this process's own unless given. */
  readonly cwd?: string;
  /** Killed when this aborts. */
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; 124 when the time-out killed it, 128 when a signal did. */
  readonly code: number;
}

/** A command that failed. Carries its output, not its input: that may be a secret. */
export class ExecError extends Error {
  readonly result: ExecResult;

  constructor(argv: readonly string[], result: ExecResult) {
    const said = (result.stderr.trim() || result.stdout.trim()).split("\n").slice(-6).join("\n");
    super(`${argv.slice(0, 4).join(" ")}${argv.length > 4 ? " …" : ""}: exit 0 required, ${result.code === 124 ? "timed out" : `exit ${result.code}`}: ${said}`);
    this.name = "ExecError";
    this.result = result;
  }
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** Programs that run now. They end with this process: what it cleared away, none of them brings back. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGTERM");
});

/** Run a program without a shell and wait for its end. Resolves whatever the exit code; rejects when it cannot be started. */
export function execute(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError("execute: a program is required, the list is empty");
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: options.env ?? process.env, cwd: options.cwd, stdio: ["pipe", "pipe", "pipe"], signal: options.signal });
    running.add(child);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const listen = (stream: NodeJS.ReadableStream, chunks: Buffer[]): void => {
      let rest = "";
      stream.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (options.onLine === undefined) return;
        const lines = (rest + chunk.toString("utf8")).split(/[\r\n]+/);
        rest = lines.pop() ?? "";
        for (const line of lines) options.onLine(line);
      });
    };
    listen(child.stdout, out);
    listen(child.stderr, err);
    // A program may end without reading its input: that is its own business.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.on("error", (error) => {
      running.delete(child);
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code) => {
      running.delete(child);
      clearTimeout(timer);
      resolve({
        stdout: Buffer.concat(out).toString("utf8"),
        stderr: Buffer.concat(err).toString("utf8"),
        code: timedOut ? 124 : (code ?? 128),
      });
    });
  });
}

/** Run a program and give back its standard output without the last newline. Throws `ExecError` unless it exits 0. */
export async function run(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  const result = await execute(argv, options);
  if (result.code !== 0) throw new ExecError(argv, result);
  return result.stdout.replace(/\n$/, "");
}
