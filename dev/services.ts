import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Docker } from "../rehearsal/docker/docker.ts";
import { ensureImage } from "../rehearsal/images.ts";
import { tryPull } from "../rehearsal/images/pull.ts";
import type { ComposeFile, Service } from "../src/compose/model.ts";

/**
 * The services of compose/dev.yaml, started by `docker run`: the Compose plugin is not everywhere Docker is. The same names as
 * Compose would give them, so that either way finds the same data.
 */
export class DevServices {
  readonly #docker: Docker;
  readonly #file: ComposeFile;
  readonly #folder: string;
  readonly #say: (line: string) => void;

  /** @param folder where compose/dev.yaml lies: its relative paths are from there */
  constructor(docker: Docker, file: ComposeFile, folder: string, say: (line: string) => void) {
    this.#docker = docker;
    this.#file = file;
    this.#folder = folder;
    this.#say = say;
  }

  /** What a run that was killed left is taken away; with `fresh`, the data too. */
  async clear({ fresh }: { readonly fresh: boolean }): Promise<void> {
    await this.stop();
    if (fresh) await this.#docker.attempt(["volume", "rm", ...Object.keys(this.#file.volumes ?? {}).map((name) => this.#named(name, "_"))]);
  }

  /** Start every service, and wait until each is healthy. `ports`: service -> port on this machine. */
  async start(ports: Readonly<Record<string, number>>, signal: AbortSignal): Promise<void> {
    for (const [name, service] of Object.entries(this.#file.services)) {
      const image = await this.#image(name, service.image);
      signal.throwIfAborted();
      await this.#docker(["run", "--detach", "--name", this.#container(name), "--label", `berth.dev=${this.#file.name}`, ...this.#flags(service, ports[name]), image, ...(service.command ?? [])]);
    }
    await Promise.all(Object.entries(this.#file.services).map(([name, service]) => this.#healthy(name, service, signal)));
  }

  /** Stop in order and remove the containers; the data is in named volumes and stays. May be called at any time. */
  async stop(): Promise<void> {
    const containers = Object.keys(this.#file.services).map((name) => this.#container(name));
    await this.#docker.attempt(["stop", "--time", "10", ...containers], { timeoutMs: 60_000 });
    await this.#docker.attempt(["rm", "--force", ...containers], { timeoutMs: 60_000 });
  }

  #named(name: string, joint: "-" | "_"): string {
    return `${this.#file.name}${joint}${name}`;
  }

  #container(name: string): string {
    return `${this.#named(name, "-")}-1`;
  }

  #flags({ environment, volumes, ports, stop_signal: stopSignal, mem_limit: memory, memswap_limit: swap }: Service, hostPort: number | undefined): string[] {
    return [
      "--init", "--memory", memory, "--memory-swap", swap,
      ...(stopSignal === undefined ? [] : ["--stop-signal", stopSignal]),
      ...Object.entries(environment ?? {}).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
      ...(ports ?? []).flatMap((port) => ["--publish", `${port.host_ip ?? ""}:${hostPort ?? port.published}:${port.target}`]),
      ...(volumes ?? []).flatMap((it) => ["--volume", it.type === "bind" ? `${join(this.#folder, it.source)}:${it.target}:ro` : `${this.#named(it.source, "_")}:${it.target}`]),
    ];
  }

  /** The image of production; where its registry does not answer, the same program from Debian's packages. */
  async #image(name: string, image: string): Promise<string> {
    if ((await this.#docker.attempt(["image", "inspect", image])).code === 0) return image;
    if (await tryPull(this.#docker, image, this.#say)) return image;
    if (name !== "redis" && name !== "postgres") throw new Error(`starting ${name}: image ${image} is required, and cannot be pulled`);
    this.#say(`${name}: from Debian's packages, because ${image} cannot be pulled`);
    return ensureImage(name, { docker: this.#docker, log: this.#say });
  }

  async #healthy(name: string, { healthcheck }: Service, signal: AbortSignal): Promise<void> {
    if (healthcheck === undefined || !("test" in healthcheck)) return;
    const [kind, ...test] = healthcheck.test;
    const command = kind === "CMD-SHELL" ? ["/bin/sh", "-c", ...test] : test;
    const bound = performance.now() + Number.parseInt(healthcheck.start_period, 10) * 1000;
    for (;;) {
      signal.throwIfAborted();
      if ((await this.#docker.attempt(["exec", this.#container(name), ...command])).code === 0) return;
      const running = (await this.#docker.attempt(["inspect", "--format", "{{.State.Running}}", this.#container(name)])).stdout.trim() === "true";
      if (!running || performance.now() > bound) {
        const { stdout, stderr } = await this.#docker.attempt(["logs", "--tail", "15", this.#container(name)]);
        throw new Error(`starting ${name}: a healthy container is required, ${running ? `found none within ${healthcheck.start_period}` : "it has ended"}; it said:\n${stdout}${stderr}`);
      }
      await sleep(250);
    }
  }
}
