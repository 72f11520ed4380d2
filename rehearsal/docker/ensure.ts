import { existsSync } from "node:fs";
import { OwnDaemon } from "./daemon.ts";
import { type Docker, dockerAt, newestDocker, programs } from "./docker.ts";
import type { Log } from "./exec.ts";
import { aptInstall, canInstall } from "./install.ts";

export interface DockerHandle {
  readonly docker: Docker;
  /** What a child process needs to reach the same daemon. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether it is a daemon of our own, which ends with its last user. */
  readonly own: boolean;
  /** Leave the daemon; stops it when it is ours and nobody else uses it. */
  close(): Promise<void>;
  /** Let our own daemon outlive this process, under a name (the run's id) that `release` takes. */
  keep(name: string): Promise<void>;
  /** Undo `keep`; the next `close` may then stop the daemon. */
  release(name: string): Promise<void>;
}

export interface EnsureOptions {
  /** Start our own although one can be reached; by default when BERTH_DOCKER=own. */
  readonly own?: boolean;
}

/**
 * A Docker daemon: the one that DOCKER_HOST or the client's default points at where it answers; else, as root on Debian, one of our own,
 * installed from Debian's archive when it is not there.
 */
export async function ensureDocker(log: Log, options: EnsureOptions = {}): Promise<DockerHandle> {
  const own = options.own ?? process.env["BERTH_DOCKER"] === "own";
  let client = await newestDocker();
  if (!own && client !== null) {
    const docker = dockerAt(client, process.env["DOCKER_HOST"]);
    const version = await docker.attempt(["version", "--format", "{{.Server.Version}}"], { timeoutMs: 15_000 });
    if (version.code === 0) {
      log(`Docker: the machine's daemon, ${version.stdout.trim()}`);
      const nothing = (): Promise<void> => Promise.resolve();
      return { docker, env: docker.env, own: false, close: nothing, keep: nothing, release: nothing };
    }
  }
  if (process.getuid?.() !== 0 || !existsSync("/proc/self/mountinfo")) {
    throw new Error(
      "ensuring a Docker daemon: one that answers is required, or root on Linux to start one. " +
        `Found: ${client === null ? "no docker program" : `no answer at ${process.env["DOCKER_HOST"] ?? "the default socket"}`}. Start Docker and try again`,
    );
  }
  if (client === null || programs("dockerd").length === 0) {
    if (!canInstall()) throw new Error("starting a Docker daemon: the program dockerd is required, and this machine is not Debian. Install Docker and try again");
    await aptInstall(["docker.io", "docker-cli", "iptables"], log);
    client = await newestDocker();
  }
  const [dockerd] = programs("dockerd");
  if (client === null || dockerd === undefined) throw new Error("starting a Docker daemon: docker and dockerd are required on PATH, and were not found after installing docker.io");
  const daemon = new OwnDaemon();
  const docker = await daemon.start(client, dockerd, log);
  return { docker, env: docker.env, own: true, close: () => daemon.close(docker), keep: (name) => daemon.keep(name), release: (name) => daemon.release(name) };
}

/** The daemon that answers now, without starting one: for code that runs where `ensureDocker` was called before. */
export async function reachableDocker(): Promise<Docker> {
  const client = await newestDocker();
  if (client === null) throw new Error("using Docker: a docker program is required on PATH, none was found. Call ensureDocker first");
  return dockerAt(client, process.env["DOCKER_HOST"]);
}
