import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { reachableDocker } from "../../../rehearsal/docker/ensure.ts";
import { ensureImage } from "../../../rehearsal/images.ts";
import type { Service } from "../../../src/compose/model.ts";
import { postgres } from "../../../src/compose/postgres.ts";
import { redis } from "../../../src/compose/redis.ts";
import { verify } from "../../../src/compose/verify.ts";
import type { Config } from "../../../src/config/schema.ts";
import { nftTable } from "../../../src/host/nftables.ts";
import { redisConf } from "../../../src/redis/conf.ts";
import { redisSettings } from "../../../src/redis/settings.ts";
import { expectations } from "../../../src/release/expectations.ts";
import { secretFiles } from "../../../src/release/secrets.ts";
import { bundleVerifier } from "../../../src/verify/bundle.ts";
import type { Report } from "../../../src/verify/types.ts";
import { ServiceContainer } from "../../helpers/service-container.ts";
import { sources, stack } from "../../helpers/stack.ts";
import { SECTIONS, stream } from "../../verify/healthy.ts";

/**
 * A Redis, a Postgres, an API and a worker as containers of one network, and the verifier run among them as the host's script runs it.
 * What only a real server can say (volume, firewall, kernel) comes from the literal stream; inspect and images are Docker's own words.
 */
export interface Verdict {
  readonly code: number;
  readonly report: Report;
  readonly table: string;
  readonly stdout: string;
  /** Milliseconds from the start of `docker run` to its end. */
  readonly ms: number;
}

export class World {
  readonly box: ServiceContainer;
  readonly config: Config;
  readonly #sources: typeof sources;
  readonly #network: string;
  readonly #ids = new Map<string, string>();

  private constructor(box: ServiceContainer, config: Config, laid: typeof sources, network: string) {
    this.box = box;
    this.config = config;
    this.#sources = laid;
    this.#network = network;
  }

  static async open(settleSeconds: number): Promise<World> {
    const box = new ServiceContainer(await reachableDocker());
    const [redisImage, postgresImage, nodeImage] = [await ensureImage("redis"), await ensureImage("postgres"), await ensureImage("node")];
    const config = stack({
      app: { image: nodeImage }, redis: { image: redisImage }, postgres: { image: postgresImage }, proxy: { image: nodeImage }, verify: { settleSeconds },
    });
    // Internal: whatever this machine has at the metadata's address, no container reaches it.
    const network = box.label.replace("=", "-").replace(".", "-");
    await box.docker(["network", "create", "--internal", "--label", box.label, network]);
    const secrets = secretFiles(config);
    for (const entry of secrets.entries) box.lay(entry);
    const lay = (path: string, text: string): string => {
      box.lay({ path, mode: "0644", uid: 0, gid: 0, text });
      return path;
    };
    const laid = {
      ...sources, ...secrets,
      redisConf: lay("/files/redis.conf", redisConf(redisSettings(config, "/run/secrets/redis-auth.conf"))),
      expectations: "/files/expect.json",
      verifier: lay("/verifier/verify.mjs", (await bundleVerifier()).text),
    };
    return new World(box, config, laid, network);
  }

  #flags(service: string): string[] {
    const label = (name: string, value: string) => ["--label", `com.docker.compose.${name}=${value}`];
    return ["--network", this.#network, "--network-alias", service, ...label("service", service), ...label("oneoff", "False"), ...label("config-hash", `hash-of-${service}`)];
  }

  async #start(name: string, service: Service, more: readonly string[] = []): Promise<void> {
    const health = ["--health-cmd", "exit 0", "--health-interval", "1s"];
    const id = await this.box.run(service, [...this.#flags(name), "--cpu-shares", String(service.cpu_shares), ...health, ...more]);
    this.#ids.set(name, id);
  }

  async startStores(): Promise<void> {
    this.box.data("/mnt/berth/redis", this.config.redis.uid);
    this.box.data("/mnt/berth/postgres", this.config.postgres.uid);
    const services = { redis: redis(this.config, this.#sources), postgres: postgres(this.config, this.#sources) };
    for (const [name, service] of Object.entries(services)) await this.#start(name, service);
    for (const [name, service] of Object.entries(services)) await this.box.healthy(this.#ids.get(name) ?? "", service);
  }

  /** Start, or start anew, a process of the application; `proxy` is one that does nothing. */
  async startProcess(name: "api" | "worker" | "proxy", environment: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.stop(name);
    const root = join(import.meta.dirname, "../../..");
    const { memoryMb, cpuShares } = this.config[name];
    const more = Object.entries({ BERTH_PROCESS: name, ...environment }).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
    const password = join(this.box.directory, this.#sources.app["redis_password"] ?? "");
    const id = (await this.box.docker([
      "run", "--detach", "--init", "--label", this.box.label, ...this.#flags(name), "--user", "1000",
      "--memory", `${memoryMb}m`, "--memory-swap", `${memoryMb}m`, "--cpu-shares", String(cpuShares), "--health-cmd", "exit 0", "--health-interval", "1s",
      "--volume", `${join(root, "node_modules")}:/app/node_modules:ro`, "--volume", `${import.meta.dirname}/process.mjs:/app/process.mjs:ro`,
      "--volume", `${password}:/run/secrets/redis_password:ro`, ...more,
      "--entrypoint", "node", this.config[name === "proxy" ? "proxy" : "app"].image, ...(name === "proxy" ? ["-e", "setInterval(() => {}, 1000)"] : ["/app/process.mjs"]),
    ])).trim();
    this.#ids.set(name, id);
  }

  async stop(name: string): Promise<void> {
    const id = this.#ids.get(name);
    if (id !== undefined) await this.box.docker(["rm", "--force", "--volumes", id]);
    this.#ids.delete(name);
  }

  async logs(name: string): Promise<string> {
    return this.box.logs(this.#ids.get(name) ?? "");
  }

  /** redis-cli inside the container: another eye than the verifier's. */
  async redisCli(command: string): Promise<string> {
    return this.box.docker(["exec", this.#ids.get("redis") ?? "", "sh", "-c", `REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli ${command}`]);
  }

  /** Stop a process of the application where it is, its connections open. */
  async freeze(name: "api" | "worker"): Promise<void> {
    await this.box.docker(["exec", this.#ids.get(name) ?? "", "sh", "-c", 'for it in /proc/[0-9]*; do [ "$(readlink "$it/exe")" != "$(readlink -f "$(command -v node)")" ] || kill -STOP "${it#/proc/}"; done']);
  }

  async clientList(): Promise<string[]> {
    const list = await this.redisCli("CLIENT LIST");
    return list.trim().split("\n").filter((line) => !line.includes("addr=127.0.0.1:"));
  }

  async #facts(): Promise<string> {
    const ids = [...this.#ids.values()];
    const images = [...new Set([this.config.app.image, this.config.redis.image, this.config.postgres.image])];
    const inspect = await this.box.docker(["inspect", ...ids]);
    return stream({
      baseline: "",
      inspect: inspect.replaceAll(join(this.box.directory, "/mnt/berth"), "/mnt/berth"),
      images: await this.box.docker(["image", "inspect", ...images]),
      listeners: (SECTIONS["listeners"] ?? "").split("\n").filter((line) => !line.includes(":443")).join("\n"),
      "host-table": nftTable(this.config),
      containers: '{"Names":"proxy","Ports":"0.0.0.0:80->80/tcp"}',
      cgroup: [...this.#ids].map(([name, id]) => `${id} oom 0\n${id} cpu.shares ${expectations(this.config, "4711").cpuShares[name] ?? 0}`).join("\n"),
    });
  }

  /** Run the verifier as `server/verify.sh` does. */
  async verify(change: { readonly expectations?: object } = {}): Promise<Verdict> {
    const run = join(this.box.directory, "run");
    rmSync(run, { recursive: true, force: true });
    mkdirSync(run);
    chmodSync(run, 0o1777);
    const expected = { ...expectations(this.config, "4711"), ...change.expectations };
    this.box.lay({ path: "/files/expect.json", mode: "0644", uid: 0, gid: 0, text: JSON.stringify(expected) });
    const service = verify(this.config, this.#sources);
    const [entrypoint = "node"] = service.entrypoint ?? [];
    const volumes = (service.volumes ?? []).flatMap((it) => ["--volume", `${join(this.box.directory, it.source)}:${it.target}:ro`]);
    const started = performance.now();
    const child = spawn(this.box.docker.binary, [
      "run", "--rm", "--interactive", "--init", "--label", this.box.label, "--network", this.#network, "--user", service.user ?? "1000", "--read-only",
      "--cap-drop", "ALL", "--memory", service.mem_limit, ...volumes, "--volume", `${run}:/run/berth`, "--entrypoint", entrypoint, service.image, ...(service.command ?? []),
    ], { env: { ...process.env, ...this.box.docker.env } });
    let [stdout, table] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => { stdout += chunk.toString(); });
    child.stderr.on("data", (chunk: Buffer) => { table += chunk.toString(); });
    const ended = new Promise<number>((resolve) => { child.on("close", (code) => { resolve(code ?? -1); }); });
    while (child.exitCode === null && !existsSync(join(run, "settled"))) await new Promise((resolve) => setTimeout(resolve, 50));
    if (child.exitCode === null) child.stdin.end(await this.#facts());
    const code = await ended;
    const ms = performance.now() - started;
    try {
      return { code, report: JSON.parse(stdout) as Report, table, stdout, ms };
    } catch {
      throw new Error(`the verifier ended with ${code} and no report; it said:\n${table}${stdout}`);
    }
  }

  async close(): Promise<void> {
    for (const name of this.#ids.keys()) await this.stop(name);
    await this.box.close();
    await this.box.docker.attempt(["network", "rm", this.#network]);
  }
}
