import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Docker } from "../../rehearsal/docker/docker.ts";
import type { Service } from "../../src/compose/model.ts";
import type { Entry } from "../../src/release/entry.ts";

/** Runs a rendered service as `docker run` would, with everything that decides whether it works: user, mounts, capabilities, file systems. */
export class ServiceContainer {
  readonly docker: Docker;
  readonly directory = mkdtempSync(join(tmpdir(), "berth-service-"));
  readonly label = `berth.test=${process.pid}-${Date.now()}`;
  readonly #containers: string[] = [];

  constructor(docker: Docker) {
    this.docker = docker;
  }

  /** Lay an entry down below the scratch directory, owned by its reader where we may say so. */
  lay({ path, mode, uid, gid, text }: Entry): void {
    const at = join(this.directory, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, text);
    const root = process.getuid?.() === 0;
    chmodSync(at, root ? Number.parseInt(mode, 8) : 0o444);
    if (root) chownSync(at, uid, gid);
  }

  /** A directory of the volume, writable for the service. */
  data(path: string, uid: number): string {
    const at = join(this.directory, path);
    mkdirSync(at, { recursive: true });
    if (process.getuid?.() === 0) chownSync(at, uid, uid);
    else chmodSync(at, 0o777);
    return at;
  }

  /** Start it; gives back the container's id. */
  async run(service: Service, more: readonly string[] = []): Promise<string> {
    const [entrypoint, ...leading] = service.entrypoint ?? [];
    const volumes = (service.volumes ?? []).flatMap((it) => ["--volume", `${join(this.directory, it.source)}:${it.target}${it.type === "bind" && it.read_only ? ":ro" : ""}`]);
    const id = (await this.docker([
      "run", "--detach", "--label", this.label, "--init",
      ...(service.user === undefined ? [] : ["--user", service.user]),
      ...(service.read_only ? ["--read-only"] : []),
      ...(service.cap_drop ?? []).flatMap((it) => ["--cap-drop", it]),
      ...(service.cap_add ?? []).flatMap((it) => ["--cap-add", it]),
      ...(service.security_opt ?? []).flatMap((it) => ["--security-opt", it]),
      ...(service.tmpfs ?? []).flatMap((it) => ["--tmpfs", it]),
      ...Object.entries(service.environment ?? {}).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      ...(service.stop_signal === undefined ? [] : ["--stop-signal", service.stop_signal]),
      ...(service.shm_size === undefined ? [] : ["--shm-size", service.shm_size]),
      "--memory", service.mem_limit, "--memory-swap", service.memswap_limit, "--pids-limit", String(service.pids_limit),
      ...volumes,
      ...(entrypoint === undefined ? [] : ["--entrypoint", entrypoint]),
      ...more,
      service.image, ...leading, ...(service.command ?? []),
    ])).trim();
    this.#containers.push(id);
    return id;
  }

  /** Exit code of the service's own health check, run as Docker runs it. */
  async health(id: string, service: Service): Promise<number> {
    if (service.healthcheck === undefined || !("test" in service.healthcheck)) throw new Error("the service has no health check");
    const [kind, ...test] = service.healthcheck.test;
    const command = kind === "CMD-SHELL" ? ["/bin/sh", "-c", ...test] : test;
    return (await this.docker.attempt(["exec", id, ...command])).code;
  }

  /** Waits up to 30 s for the health check to pass. */
  async healthy(id: string, service: Service): Promise<void> {
    for (let tries = 0; tries < 60; tries += 1) {
      if (await this.health(id, service) === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    throw new Error(`not healthy after 30 s; its log:\n${await this.logs(id)}`);
  }

  async logs(id: string): Promise<string> {
    const { stdout, stderr } = await this.docker.attempt(["logs", id]);
    return stdout + stderr;
  }

  async close(): Promise<void> {
    if (this.#containers.length > 0) await this.docker.attempt(["rm", "--force", "--volumes", ...this.#containers]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
