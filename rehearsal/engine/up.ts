import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Secret } from "../../src/config/secret.ts";
import { type Counters, type Job, reportSchema } from "./protocol.ts";

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** How long an interrupted child has to end its commands before it is killed. */
const GRACE_MS = 8_000;

export interface UpOptions {
  /** The Pulumi program: an ES module whose exports are the stack's outputs. */
  readonly programPath: string;
  readonly project: string;
  readonly stack: string;
  /** `project:key` to value, as `pulumi config` has it; structured values as JSON. */
  readonly config: Readonly<Record<string, string>>;
  /** Which of `config` are secrets: kept out of every line. */
  readonly secretKeys: readonly string[];
  /** Of the Hetzner-compatible API, with `/v1`. */
  readonly endpoint: string;
  readonly token: string;
  /** Remembers what earlier runs made. Holds what commands printed: give it a place of your own. */
  readonly stateFile: string;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface UpResult {
  /** The stack's outputs; a secret one is a `Secret`, which prints as `[secret]`. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly counters: Counters;
}

/** An `up` that failed; the message names each resource that did, and why. */
export class UpError extends Error {
  readonly counters: Counters;

  constructor(message: string, counters: Counters) {
    super(message);
    this.counters = counters;
  }
}

/**
 * Carry out a Pulumi program without the Pulumi engine: creation of what it declares, in its order, over real HTTP and
 * real SSH. It creates, keeps what did not change and runs changed commands again; it deletes and replaces nothing.
 * @throws {UpError} when anything failed, or the run was interrupted
 */
export async function inProcessUp(options: UpOptions): Promise<UpResult> {
  options.signal?.throwIfAborted();
  const job: Job = {
    kind: "job", programPath: options.programPath, project: options.project, stack: options.stack, config: { ...options.config },
    secretKeys: [...options.secretKeys], endpoint: options.endpoint, token: options.token, stateFile: options.stateFile,
  };
  // Nothing secret in argument or environment; and none of the parent's own flags (a test runner's, a debugger's).
  const child = fork(CHILD, [], { cwd: ROOT, execArgv: ["--import", "tsx"], stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const tail: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      tail.push(text);
      for (const line of text.split("\n").filter((it) => it !== "")) options.log(line);
    });
  }
  let killer: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    child.kill("SIGINT");
    killer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  };
  options.signal?.addEventListener("abort", interrupt, { once: true });
  try {
    return await new Promise<UpResult>((resolve, reject) => {
      child.on("message", (message) => {
        const { data: report, error } = reportSchema.safeParse(message);
        if (report === undefined) reject(new Error("the engine's process said something that is not in rehearsal/engine/protocol.ts", { cause: error }));
        else if (report.kind === "ready") child.send(job);
        else if (report.kind === "log") options.log(report.line);
        else if (report.kind === "failed") reject(new UpError(report.message, report.counters));
        else resolve({ outputs: Object.fromEntries(report.outputs.map((it) => [it.name, it.secret ? secretOf(it.value) : it.value])), counters: report.counters });
      });
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        reject(new UpError(`the engine's process ended without a result (${signal ?? `exit ${code}`}): ${tail.join("").slice(-2_000)}`, { created: 0, updated: 0, unchanged: 0, sshConnections: 0 }));
      });
    });
  } finally {
    options.signal?.removeEventListener("abort", interrupt);
    if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
    clearTimeout(killer);
  }
}

function secretOf(value: unknown): Secret {
  return new Secret(typeof value === "string" ? value : JSON.stringify(value));
}
