import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { execute, type ExecOptions, type ExecResult, run } from "./exec.ts";

/** One Docker daemon, spoken to through the `docker` program. */
export interface Docker {
  /** Run `docker ARGS`; gives back standard output. Throws `ExecError` unless it exits 0. */
  (args: readonly string[], options?: ExecOptions): Promise<string>;
  /** The same, with the exit code for the caller to judge. */
  readonly attempt: (args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;
  /** Path of the `docker` program. */
  readonly binary: string;
  /** What a process needs in its environment to reach the same daemon. */
  readonly env: Readonly<Record<string, string>>;
}

/** The wrapper for one daemon. `host` as in DOCKER_HOST; undefined is the program's own default (its context). */
export function dockerAt(binary: string, host: string | undefined): Docker {
  const env: Record<string, string> = host === undefined ? {} : { DOCKER_HOST: host };
  const withEnv = (options: ExecOptions = {}): ExecOptions => ({ ...options, env: { ...process.env, ...options.env, ...env } });
  const docker = (args: readonly string[], options?: ExecOptions): Promise<string> => run([binary, ...args], withEnv(options));
  return Object.assign(docker, {
    attempt: (args: readonly string[], options?: ExecOptions): Promise<ExecResult> => execute([binary, ...args], withEnv(options)),
    binary,
    env,
  });
}

/** Programs of this name on PATH, in its order, and in the directories where Docker is installed. */
export function programs(name: string, path: string = process.env["PATH"] ?? ""): readonly string[] {
  const directories = [...path.split(delimiter).filter((it) => it !== ""), "/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return [...new Set(directories)].map((directory) => join(directory, name)).filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `Docker version 20.10.24+dfsg1, build 297e128` -> [20, 10, 24]; null when it is something else. */
export function parseVersion(text: string): readonly number[] | null {
  const found = /^Docker version (\d+)\.(\d+)\.(\d+)/m.exec(text);
  return found === null ? null : found.slice(1).map(Number);
}

export function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The newest `docker` on this machine that starts, or null. */
export async function newestDocker(): Promise<string | null> {
  let best: { readonly path: string; readonly version: readonly number[] } | null = null;
  for (const path of programs("docker")) {
    const result = await execute([path, "--version"], { timeoutMs: 5_000 }).catch(() => null);
    const version = result === null ? null : parseVersion(result.stdout);
    if (version !== null && (best === null || compareVersions(version, best.version) > 0)) best = { path, version };
  }
  return best?.path ?? null;
}
