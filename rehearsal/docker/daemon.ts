import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheDirectory, withCacheLock } from "../cache.ts";
import { isAlive, processIdentity } from "../process-identity.ts";
import { type Docker, dockerAt } from "./docker.ts";
import { type Log, run } from "./exec.ts";
import { bridges, putBackRules, removeTraces, takeTraces, type Traces } from "./traces.ts";

/**
 * A Docker daemon of our own for as long as someone uses it. Several processes share it: each leaves a file under `users/`, and the
 * last one to go stops it. Images and volumes stay in the cache.
 */
export class OwnDaemon {
  readonly #dataRoot = cacheDirectory("docker");
  /** One per cache directory: two daemons cannot share a data root. Short, because a socket's path has at most 107 bytes. */
  readonly #run = `/run/berth-rehearsal-docker-${createHash("sha256").update(cacheDirectory()).digest("hex").slice(0, 8)}`;
  /** One process may use it twice: the number tells its uses apart. */
  readonly #me = join(this.#run, "users", `${processIdentity(process.pid)}-${randomBytes(4).toString("hex")}`);

  get #socket(): string {
    return `unix://${join(this.#run, "docker.sock")}`;
  }

  /** Name of its default bridge, which is not `docker0`: that may be another daemon's. */
  get #bridge(): string {
    return `berth-${this.#run.slice(-8)}`;
  }

  /** Start the daemon, or join the one that runs. */
  async start(client: string, dockerd: string, log: Log): Promise<Docker> {
    return await withCacheLock("docker", async () => {
      await mkdir(join(this.#run, "users"), { recursive: true, mode: 0o700 });
      await mkdir(this.#dataRoot, { recursive: true });
      await writeFile(this.#me, "");
      const docker = dockerAt(client, this.#socket);
      if ((await this.#alive()) === null) {
        // A daemon that crashed left its traces: what was there before that one is still what to go back to.
        const traces = join(this.#run, "traces.json");
        const now = await takeTraces();
        if (!existsSync(traces)) await writeFile(traces, JSON.stringify(now));
        await this.#spawn(dockerd);
        await this.#answer(docker);
        await putBackRules(now);
      }
      await this.#answer(docker);
      log(`Docker: own daemon ${await docker(["version", "--format", "{{.Server.Version}}"])}, data in ${this.#dataRoot}`);
      return docker;
    });
  }

  /** Leave; the last one stops the daemon and takes back what it did to the network. */
  async close(docker: Docker): Promise<void> {
    await withCacheLock("docker", async () => {
      await rm(this.#me, { force: true });
      const users = await readdir(join(this.#run, "users")).catch(() => []);
      if (users.some((name) => isAlive(name.split("-")[0] ?? ""))) return;
      const pid = await this.#alive();
      if (pid !== null) await this.#stop(pid, docker);
      await this.#clear();
      await rm(this.#run, { recursive: true, force: true });
    });
  }

  /** Let the daemon outlive this process, for what `name` stands for; until `release`. */
  async keep(name: string): Promise<void> {
    const pid = await this.#alive();
    if (pid !== null) await writeFile(this.#keeper(name, pid), "");
  }

  async release(name: string): Promise<void> {
    const pid = await this.#alive();
    if (pid !== null) await rm(this.#keeper(name, pid), { force: true });
  }

  /** The daemon as a user of itself. */
  #keeper(name: string, pid: number): string {
    return join(this.#run, "users", `${processIdentity(pid)}-${name}`);
  }

  async #spawn(dockerd: string): Promise<void> {
    if (!(await bridges()).includes(this.#bridge)) {
      const address = await this.#bridgeAddress();
      await run(["ip", "link", "add", this.#bridge, "type", "bridge"]);
      await run(["ip", "address", "add", address, "dev", this.#bridge]);
    }
    const logFile = openSync(cacheDirectory("docker.log"), "w", 0o600);
    // In a mount namespace of its own, so that its mounts end with it; `slave`, so that it sees what is mounted later.
    const argv = ["--mount", "--propagation", "slave", dockerd, "--data-root", this.#dataRoot, "--exec-root", join(this.#run, "exec"),
      "--pidfile", join(this.#run, "docker.pid"), "--host", this.#socket, "--group", "root", "--bridge", this.#bridge,
      "--containerd-namespace", this.#bridge, "--containerd-plugins-namespace", `${this.#bridge}-plugins`];
    // In a session of its own: Ctrl-C is for the rehearsal, which then stops the daemon in order.
    const child = spawn("unshare", argv, { detached: true, stdio: ["ignore", logFile, logFile] });
    closeSync(logFile);
    await once(child, "spawn");
    child.unref();
    await writeFile(join(this.#run, "daemon"), processIdentity(child.pid ?? 0));
  }

  /** A range that no interface and no route of this machine has. */
  async #bridgeAddress(): Promise<string> {
    const routes = await run(["ip", "-4", "route", "show", "table", "all"]);
    const free = [29, 30, 31, 28, 27, 26, 25, 24].find((second) => !routes.includes(`172.${second}.`));
    if (free === undefined) throw new Error("starting our own Docker daemon: a free range in 172.24.0.0/13 is required, all are routed. Start Docker yourself and set DOCKER_HOST");
    return `172.${free}.0.1/16`;
  }

  async #answer(docker: Docker): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      if ((await docker.attempt(["version"], { timeoutMs: 10_000 })).code === 0) return;
      const dead = (await this.#alive()) === null;
      if (dead || Date.now() > deadline) {
        const tail = (await readFile(cacheDirectory("docker.log"), "utf8").catch(() => "")).trim().split("\n").slice(-3).join("\n");
        throw new Error(`starting our own Docker daemon: an answer on ${this.#socket} is required, ${dead ? "it ended" : "none in 60 s"}. ${cacheDirectory("docker.log")} says: ${tail}`);
      }
      await sleep(100);
    }
  }

  /** The daemon's process, or null when none runs. */
  async #alive(): Promise<number | null> {
    const identity = await readFile(join(this.#run, "daemon"), "utf8").catch(() => "");
    return isAlive(identity) ? Number(identity.split(":")[0]) : null;
  }

  /** Everything in this daemon is ours: containers and networks go while it can still remove them in order. */
  async #stop(pid: number, docker: Docker): Promise<void> {
    const containers = (await docker.attempt(["ps", "--all", "--quiet"])).stdout.split("\n").filter((it) => it !== "");
    if (containers.length > 0) await docker.attempt(["rm", "--force", "--volumes", ...containers], { timeoutMs: 120_000 });
    await docker.attempt(["network", "prune", "--force"]);
    process.kill(pid, "SIGTERM");
    for (let tries = 0; tries < 300 && (await this.#alive()) !== null; tries += 1) await sleep(100);
    if ((await this.#alive()) !== null) process.kill(pid, "SIGKILL");
  }

  /** Take back what the daemon left in the network. */
  async #clear(): Promise<void> {
    const traces = join(this.#run, "traces.json");
    if (!existsSync(traces)) return;
    const before = JSON.parse(await readFile(traces, "utf8")) as Traces;
    await removeTraces(before, (await bridges()).filter((name) => name === this.#bridge));
    await rm(traces);
  }
}
