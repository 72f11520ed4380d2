import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publicKey } from "../src/config/keys.ts";
import { generateSecrets, type GeneratedSecrets } from "../src/config/generate.ts";
import { Secret } from "../src/config/secret.ts";
import { DEPLOY_USER } from "../src/host/cloud-init.ts";
import type { SshTarget } from "../src/ssh.ts";
import type { Check, Report } from "../src/verify/types.ts";
import { buildAppImage } from "./app-image.ts";
import { type CloudApi, startCloud } from "./cloud/api.ts";
import type { Docker } from "./docker/docker.ts";
import { ensureDocker, type DockerHandle } from "./docker/ensure.ts";
import type { ExecOptions, ExecResult } from "./docker/exec.ts";
import type { Counters } from "./engine/protocol.ts";
import { type Chosen, chosen, type DeploymentEngine, type EngineChoice } from "./engine/choice.ts";
import { InProcessEngine } from "./engine/in-process.ts";
import { PulumiEngine } from "./engine/pulumi.ts";
import type { Change } from "./engine/pulumi-events.ts";
import { ensureImage } from "./images.ts";
import { Ledger } from "./ledger.ts";
import { connectionsSince, named, nodeNames, nodeOf, serverOf, type SignedIn, succeeded } from "./nodes.ts";
import { pushAll } from "./push.ts";
import { parseReports } from "./reports.ts";
import { DockerMachines } from "./machines/machines.ts";
import { Registry } from "./registry.ts";
import { asConfig, changed, settings, type RehearsalImages, type Section, type Settings } from "./settings.ts";
import type { Steps } from "./steps.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PROJECT = "berth";
const STACK = "rehearsal";

export interface RehearsalOptions {
  readonly steps: Steps;
  /** Which engine carries the program out; the in-process one unless given. */
  readonly engine?: EngineChoice;
}

/** What one `up` came to. */
export interface Up {
  readonly address: string;
  readonly url: string;
  readonly release: string;
  /** The verification's report, made on the server. */
  readonly report: Report;
  /** What the probe saw from this machine. */
  readonly outside: readonly Check[];
  readonly counters: Counters;
  /** What did not stay as it was, by the real engine; the in-process one does not say. */
  readonly changes: readonly Change[];
  readonly sshConnections: number;
  readonly seconds: number;
}

/**
 * Berth on a stand-in for Hetzner, on this machine: the same program, carried out against an API, servers and a registry
 * that are ours. Everything it starts is in its ledger, and goes with `close()`, with Ctrl-C, or at the next run.
 */
export class Rehearsal {
  readonly api: CloudApi;
  readonly machines: DockerMachines;
  readonly registry: Registry;
  readonly ledger: Ledger;
  readonly secrets: GeneratedSecrets;
  readonly steps: Steps;
  readonly engine: DeploymentEngine;
  /** Every line that an `up` printed, for the search for secrets. */
  readonly said: string[] = [];
  readonly #docker: DockerHandle;
  readonly #interrupt: AbortController;
  readonly #forget: () => void;
  #settings: Settings;

  private constructor(parts: {
    api: CloudApi; machines: DockerMachines; registry: Registry; ledger: Ledger; docker: DockerHandle;
    steps: Steps; images: RehearsalImages; engine: DeploymentEngine; interrupt: AbortController; forget: () => void;
  }) {
    this.api = parts.api;
    this.machines = parts.machines;
    this.registry = parts.registry;
    this.ledger = parts.ledger;
    this.steps = parts.steps;
    this.engine = parts.engine;
    this.#docker = parts.docker;
    this.#interrupt = parts.interrupt;
    this.#forget = parts.forget;
    this.secrets = generateSecrets();
    const { server, username, password } = parts.registry;
    this.#settings = settings({ images: parts.images, secrets: this.secrets, registry: { server, username, password }, privateRange: parts.machines.network.privateRange, sources: [parts.machines.network.subnet] });
  }

  /** Bring up Docker, images, registry and API. No server yet: that is the program's to ask for. */
  static async start({ steps, engine: choice = "in-process" }: RehearsalOptions): Promise<Rehearsal> {
    const interrupt = new AbortController();
    const choose = chosen(choice, ROOT);
    let engine: DeploymentEngine | undefined;
    const docker = await steps.run("Docker", (log) => ensureDocker(log));
    const ledger = await Ledger.open(docker.docker, (line) => steps.line(`           ${line}`));
    const stopEngine = async (): Promise<void> => {
      interrupt.abort();
      await engine?.ended();
    };
    // Docker last: what the ledger takes back is mostly in it.
    const forget = ledger.onSignals(stopEngine, () => docker.close());
    try {
      const local = await steps.run("images", async (log) => {
        const common = { docker: docker.docker, log };
        await ensureImage("server", common);
        return {
          redis: await ensureImage("redis", common),
          postgres: await ensureImage("postgres", common),
          caddy: await ensureImage("caddy", common),
          app: await buildAppImage(docker.docker, "1", log),
        };
      });
      const machines = await steps.run("network and metadata service", (log) => DockerMachines.start({ docker: docker.docker, ledger, log }));
      const { registry, images } = await steps.run("private registry", async (log) => {
        const started = await Registry.start({ docker: docker.docker, ledger, network: machines.network, log });
        machines.addFiles(started.trust);
        return { registry: started, images: await pushAll(started, local) };
      });
      const api = await steps.run("Hetzner-compatible API", () => startCloud({ machines, ipv4Addresses: machines.network.serverIps }));
      engine = await steps.run(`engine: ${choose.kind} (${choose.reason})`, () => startEngine(choose, { api, ledger, signal: interrupt.signal }));
      return new Rehearsal({ api, machines, registry, ledger, docker, steps, images, engine, interrupt, forget });
    } catch (error) {
      await ledger.close();
      forget();
      await docker.close();
      throw error;
    }
  }

  /** Carry the program out with the settings as they are, changed at the dotted paths below `berth:`; the change stays if it succeeds. */
  async up(changes: Readonly<Record<string, unknown>> = {}, log: (line: string) => void = () => undefined): Promise<Up> {
    const wanted = changed(this.#settings, changes);
    const started = performance.now();
    const signedInBefore = await this.#signedIn();
    const { outputs, counters, changes: made } = await this.engine.up(asConfig(wanted), (line) => {
      this.said.push(line);
      log(line);
    });
    this.#settings = wanted;
    const reports = parseReports(outputs["reports"]);
    return {
      address: String(outputs["address"]),
      url: String(outputs["url"]),
      release: String(outputs["releaseId"]),
      report: reports.release,
      outside: reports.outside.checks,
      counters,
      changes: made,
      sshConnections: this.engine.kind === "in-process" ? counters.sshConnections : connectionsSince(signedInBefore, await this.#signedIn()),
      seconds: (performance.now() - started) / 1000,
    };
  }

  /** The stack's configuration as it is, changed at dotted paths: what `up` would carry out. */
  configWith(changes: Readonly<Record<string, unknown>> = {}): Record<string, string> {
    return asConfig(changed(this.#settings, changes));
  }

  /** The real engine. @throws when this rehearsal runs on the other one */
  get pulumi(): PulumiEngine {
    if (this.engine instanceof PulumiEngine) return this.engine;
    throw new Error(`use Pulumi's own engine: a rehearsal with engine "pulumi" is required, this one is ${this.engine.kind}`);
  }

  /** Build and push a version of the reference application; gives its reference by digest. */
  async appImage(version: string): Promise<string> {
    return this.registry.push(await buildAppImage(this.#docker.docker, version, () => undefined), "app");
  }

  /** Run a program on the node of a role as root, past SSH; throws unless it exits 0. */
  async execOn(role: string, argv: readonly string[], options?: ExecOptions): Promise<string> {
    return succeeded(await this.attemptOn(this.nodeOf(role), argv, options), argv);
  }

  /** Run a program on the server as root, past SSH; throws unless it exits 0. */
  async exec(argv: readonly string[], options?: ExecOptions): Promise<string> {
    return succeeded(await this.attempt(argv, options), argv);
  }

  /** The same, with the exit code for the caller to judge. */
  attempt(argv: readonly string[], options?: ExecOptions): Promise<ExecResult> {
    return this.machines.exec(this.serverId, argv, options);
  }

  /** Docker on this machine, for what stands beside the servers. */
  get docker(): Docker {
    return this.#docker.docker;
  }

  /** The same on a node by its name in `nodes`. */
  attemptOn(node: string, argv: readonly string[], options?: ExecOptions): Promise<ExecResult> {
    return this.machines.exec(this.serverOf(node), argv, options);
  }

  /** Names of the nodes that are there: of several, as in `nodes`; `main` for the first. */
  get nodes(): string[] {
    return nodeNames(this.api.books);
  }

  /** Hetzner's id of a node's server. */
  serverOf(node: string): number {
    return serverOf(this.api.books, node);
  }

  /** The node that a role stands on. */
  nodeOf(role: string): string {
    return nodeOf(this.#settings, role);
  }

  /** Hetzner's id of the one server; of several, the first's. */
  get serverId(): number {
    const server = named(`${PROJECT}-${STACK}`, this.api.books.servers);
    if (server === undefined) throw new Error("use the rehearsal's server: it must exist, run up() first");
    return server.id;
  }

  /** Its public address. */
  get address(): string {
    const ip = named(`${PROJECT}-${STACK}`, this.api.books.primaryIps);
    if (ip === undefined) throw new Error("use the rehearsal's address: it must exist, run up() first");
    return ip.ip;
  }

  get volumeId(): number {
    const volume = named(`${PROJECT}-${STACK}`, this.api.books.volumes);
    if (volume === undefined) throw new Error("use the rehearsal's volume: it must exist, run up() first");
    return volume.id;
  }

  /** Of the deploy key, as sshd's journal writes it. */
  deployKeyFingerprint(): string {
    const blob = Buffer.from(publicKey(new Secret(this.#present("deployKey"))).split(" ")[1] ?? "", "base64");
    return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
  }

  /** How a laptop reaches the server. */
  get sshTarget(): SshTarget {
    return { host: this.address, user: DEPLOY_USER, privateKey: this.#present("deployKey"), hostKey: publicKey(new Secret(this.#present("hostKey"))) };
  }

  /** Write the deploy key and the server's known key where they go with the run, for a person's own ssh. */
  async writeDeployKey(): Promise<{ privateKey: string; knownHosts: string }> {
    const files = { privateKey: join(this.ledger.directory, "deploy-key"), knownHosts: join(this.ledger.directory, "known-hosts") };
    await writeFile(files.privateKey, this.#present("deployKey"), { mode: 0o600 });
    await writeFile(files.knownHosts, `${this.address} ${publicKey(new Secret(this.#present("hostKey")))}\n`);
    return files;
  }

  /** The present one: a test may have rotated it. */
  #present(name: "deployKey" | "hostKey"): string {
    const { [name]: value } = this.#settings["secrets"] as Section;
    return typeof value === "string" ? value : this.secrets[name];
  }

  /** Every value that may be shown nowhere. */
  get planted(): readonly string[] {
    const keyLines = [this.secrets.deployKey, this.secrets.hostKey, this.#present("deployKey"), this.#present("hostKey")].map((key) => key.split("\n").at(3) ?? key);
    return [this.secrets.redisPassword, this.secrets.postgresPassword, this.registry.password, ...keyLines];
  }

  /** Leave everything up when this process ends. */
  async keep(): Promise<void> {
    this.#forget();
    await this.ledger.keep();
    await this.#docker.keep(this.ledger.id);
  }

  /** Take back everything. */
  async close(): Promise<void> {
    this.#interrupt.abort();
    await this.engine.ended();
    this.machines.close();
    await this.api.close();
    await this.ledger.close();
    this.#forget();
    await this.#docker.close();
  }

  /** How often sshd on each server let somebody in since it booted; the real engine does not count its connections. */
  async #signedIn(): Promise<readonly SignedIn[]> {
    return await Promise.all(this.nodes.map(async (node) => {
      const { stdout } = await this.attemptOn(node, ["sh", "-c", "journalctl --sync; journalctl --no-pager -o cat -u ssh | grep -c '^Accepted '"]);
      return { serverId: this.serverOf(node), times: Number(stdout.trim()) };
    }));
  }
}

async function startEngine(choice: Chosen, { api, ledger, signal }: { api: CloudApi; ledger: Ledger; signal: AbortSignal }): Promise<DeploymentEngine> {
  const workDir = join(ledger.directory, "engine");
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const common = { stack: STACK, endpoint: api.url, token: api.token, secretKeys: [`${PROJECT}:secrets`], signal };
  if (choice.kind === "pulumi") return PulumiEngine.start({ ...common, cli: choice.cli, root: ROOT, workDir });
  return new InProcessEngine({ ...common, programPath: join(ROOT, "src/index.ts"), project: PROJECT, stateFile: join(workDir, "state.json") });
}
