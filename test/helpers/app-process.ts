import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../rehearsal/docker/exec.ts";
import { freePort } from "./services.ts";

/** The bundled application in a folder where nothing else is, run with plain Node. */
export class BundledApp {
  readonly directory: string;
  readonly #running = new Set<AppProcess>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async build(): Promise<BundledApp> {
    const directory = mkdtempSync(join(tmpdir(), "berth-app-"));
    await run([process.execPath, join(import.meta.dirname, "../../app/build.mjs"), join(directory, "dist")], { timeoutMs: 120_000 });
    return new BundledApp(join(directory, "dist"));
  }

  /** Start one of its programs. It sees this environment, PATH and nothing else. */
  async start(program: "api" | "worker" | "migrate" | "health", env: Readonly<Record<string, string>>): Promise<AppProcess> {
    const port = await freePort();
    const child = spawn(process.execPath, [`${program}.js`], {
      cwd: this.directory,
      env: { PATH: process.env["PATH"] ?? "", PORT: String(port), HOST: "127.0.0.1", BERTH_HEALTH_FILE: join(this.directory, "..", "alive"), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const started = new AppProcess(child, `http://127.0.0.1:${port}`);
    this.#running.add(started);
    void started.exit.then(() => this.#running.delete(started));
    return started;
  }

  /** End what still runs. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#running].map((it) => it.stop("SIGKILL")));
  }

  async close(): Promise<void> {
    await this.endAll();
    rmSync(join(this.directory, ".."), { recursive: true, force: true });
  }
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export class AppProcess {
  readonly url: string;
  /** Code it ended with; null after a signal. */
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcess;
  #output = "";

  constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    this.exit = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** Everything it has written. */
  get output(): string {
    return this.#output;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Signal it and wait for its end. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.#child.kill(signal);
    return await this.exit;
  }

  async get(path: string): Promise<Answer> {
    return await this.#ask(path, {});
  }

  async post(path: string, body?: object | string): Promise<Answer> {
    const text = typeof body === "object" ? JSON.stringify(body) : body;
    return await this.#ask(path, { method: "POST", ...(text === undefined ? {} : { body: text, headers: { "content-type": "application/json" } }) });
  }

  /** Status of the answer, or 0 where nobody listens yet. */
  async status(path: string): Promise<number> {
    return await this.get(path).then(({ status }) => status, () => 0);
  }

  async #ask(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(this.url + path, { ...init, signal: AbortSignal.timeout(30_000) });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : (JSON.parse(text) as unknown) };
  }
}
