import { availableParallelism } from "node:os";
import type { FirewallRule, Machines, MachineSize, MachineSpec, NetworkAttachment, VolumeSpec } from "../cloud/machines.ts";
import type { Docker } from "../docker/docker.ts";
import type { ExecOptions, ExecResult, Log } from "../docker/exec.ts";
import { ensureImage } from "../images.ts";
import type { Ledger } from "../ledger.ts";
import { firewallTable } from "./firewall.ts";
import { MetadataService } from "./metadata.ts";
import { createPublicNetwork, type PublicNetwork } from "./network.ts";
import { attachPrivateNetwork, detachPrivateNetwork } from "./private-networks.ts";
import { metaData, SEED_DIRECTORY } from "./seed.ts";
import { createArguments, sizeArguments } from "./server-arguments.ts";
import { freeLetter, type Server, volumesFile, watchForReboot } from "./server.ts";
import { tar, type TarFile } from "./tar.ts";
import { VolumeStore } from "./volumes.ts";

/** Above every stop time-out that a deployment's own units have; systemd itself gives up after 90 s per unit. */
const STOP_SECONDS = 300;
const STOP_MS = (STOP_SECONDS + 60) * 1000;

interface HeldInterface {
  readonly serverId: number;
  readonly attachment: NetworkAttachment;
}

export interface MachinesOptions {
  readonly docker: Docker;
  readonly ledger: Ledger;
  readonly log?: Log;
  /** Laid down in every server before its first boot. */
  readonly files?: readonly TarFile[];
}

/**
 * Hardware made of containers: servers with systemd and cloud-init, volumes as loop devices, firewalls as nftables, Hetzner's metadata service. Everything carries the
 * ledger's label; the ledger takes it back.
 */
export class DockerMachines implements Machines {
  readonly network: PublicNetwork;
  readonly #docker: Docker;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #image: string;
  readonly #metadata: MetadataService;
  readonly #volumes: VolumeStore;
  readonly #servers = new Map<number, Server>();
  readonly #files: TarFile[];
  #heldInterfaces: HeldInterface[] | undefined;

  private constructor(options: MachinesOptions, network: PublicNetwork, image: string, metadata: MetadataService) {
    this.#docker = options.docker;
    this.#ledger = options.ledger;
    this.#log = options.log ?? (() => undefined);
    this.#files = [...(options.files ?? [])];
    this.network = network;
    this.#image = image;
    this.#metadata = metadata;
    this.#volumes = new VolumeStore(options.ledger);
  }

  /** Build or find the server's image, create the network, start the metadata service. */
  static async start(options: MachinesOptions): Promise<DockerMachines> {
    const { docker, ledger } = options;
    const image = await ensureImage("server", { docker, ...(options.log === undefined ? {} : { log: options.log }) });
    const network = await createPublicNetwork(docker, ledger);
    return new DockerMachines(options, network, image, await MetadataService.start(docker, ledger, network, image));
  }

  /** Lay this down in every server created from now on: the registry's certificate, for one. */
  addFiles(files: readonly TarFile[]): void {
    this.#files.push(...files);
  }

  /**
   * From now on the interface of a server that is put into a private network appears only when it is plugged in, although the action says that it is done:
   * at Hetzner the one follows the other, and the server has to bring it up.
   */
  holdInterfaces(): void {
    this.#heldInterfaces ??= [];
  }

  /** Plug in those of one server, or of all; with all, none is held any more. */
  async plugIn(serverId?: number): Promise<void> {
    const held = this.#heldInterfaces ?? [];
    this.#heldInterfaces = serverId === undefined ? undefined : held.filter((it) => it.serverId !== serverId);
    for (const it of held) if (serverId === undefined || it.serverId === serverId) await attachPrivateNetwork(this.#docker, this.#ledger, this.#server(it.serverId).container, it.attachment);
  }

  /** Stop watching servers. Removing them is the ledger's. */
  close(): void {
    for (const server of this.#servers.values()) server.watch?.abort();
  }

  async createServer(spec: MachineSpec): Promise<void> {
    const { ipv4 } = spec;
    if (!spec.image.startsWith("debian-13")) throw new Error(`creating server ${spec.name}: image debian-13 is required, the stand-in has no ${spec.image}`);
    if (ipv4 === null) throw new Error(`creating server ${spec.name}: a public IPv4 address is required, the stand-in cannot do without`);
    const container = `berth-${this.#ledger.id}-server-${spec.id}`;
    const server: Server = { id: spec.id, container, dockerVolume: `${container}-docker`, ipv4, volumes: new Map(), firewall: null, watch: null };
    this.#servers.set(spec.id, server);
    await this.#docker(["volume", "create", ...this.#ledger.label, server.dockerVolume]);
    await this.#docker(createArguments({
      ...server, diskGb: spec.diskGb, memoryMb: spec.memoryMb, cores: spec.cores, hostname: spec.name, network: this.network.name,
      image: this.#image, label: this.#ledger.label, machineCores: availableParallelism(),
    }));
    await this.#lay(server, [
      { path: `${SEED_DIRECTORY}/user-data`, mode: "0600", text: spec.userData },
      { path: `${SEED_DIRECTORY}/meta-data`, mode: "0644", text: metaData(spec) },
      ...this.#files,
    ]);
    await this.#metadata.tell({ ...spec, ipv4 });
    if (spec.start) await this.powerOn(spec.id);
  }

  async deleteServer(serverId: number): Promise<void> {
    const server = this.#servers.get(serverId);
    if (server === undefined) return;
    server.watch?.abort();
    await this.#docker.attempt(["rm", "--force", "--volumes", server.container], { timeoutMs: STOP_MS });
    await this.#docker.attempt(["volume", "rm", "--force", server.dockerVolume], { timeoutMs: STOP_MS });
    await this.#metadata.forget(server.ipv4);
    this.#servers.delete(serverId);
  }

  async reboot(serverId: number): Promise<void> {
    await this.shutdown(serverId);
    await this.powerOn(serverId);
  }

  async shutdown(serverId: number): Promise<void> {
    const server = this.#server(serverId);
    server.watch?.abort();
    await this.#docker(["stop", "--time", String(STOP_SECONDS), server.container], { timeoutMs: STOP_MS });
  }

  async powerOn(serverId: number): Promise<void> {
    const server = this.#server(serverId);
    await this.#docker(["start", server.container]);
    watchForReboot(this.#docker, server, () => {
      this.#log(`server ${serverId} rebooted itself`);
      this.powerOn(serverId).catch((error: unknown) => this.#log(`server ${serverId}: ${String(error)}`));
    });
  }

  async powerOff(serverId: number): Promise<void> {
    const server = this.#server(serverId);
    server.watch?.abort();
    if (await this.isRunning(serverId)) await this.#docker(["kill", server.container]);
  }

  async reset(serverId: number): Promise<void> {
    await this.powerOff(serverId);
    await this.powerOn(serverId);
  }

  async resize(serverId: number, size: MachineSize): Promise<void> {
    await this.#docker(["update", ...sizeArguments(size, availableParallelism()), this.#server(serverId).container]);
  }

  async createVolume(spec: VolumeSpec): Promise<void> {
    await this.#volumes.create(spec);
  }

  async deleteVolume(volumeId: number): Promise<void> {
    await this.#volumes.delete(volumeId);
  }

  async attachVolume(volumeId: number, serverId: number): Promise<void> {
    const server = this.#server(serverId);
    const device = this.#volumes.device(volumeId);
    const letter = freeLetter(server);
    server.volumes.set(volumeId, { device, letter });
    await this.#layVolumes(server);
    if (await this.isRunning(serverId)) {
      await this.#inside(server, ["/etc/stand-in/volume", "attach", String(volumeId), String(device.major), String(device.minor), letter]);
    }
  }

  async detachVolume(volumeId: number): Promise<void> {
    for (const server of this.#servers.values()) {
      const attached = server.volumes.get(volumeId);
      if (attached === undefined) continue;
      server.volumes.delete(volumeId);
      await this.#layVolumes(server);
      if (await this.isRunning(server.id)) await this.#inside(server, ["/etc/stand-in/volume", "detach", String(volumeId), "-", "-", attached.letter]);
    }
  }

  async resizeVolume(volumeId: number, sizeGb: number): Promise<void> {
    await this.#volumes.resize(volumeId, sizeGb);
  }

  async applyFirewall(serverId: number, rules: readonly FirewallRule[] | null): Promise<void> {
    const server = this.#server(serverId);
    const text = firewallTable(rules);
    server.firewall = rules;
    await this.#lay(server, [{ path: "/etc/stand-in/firewall.nft", mode: "0600", text }]);
    if (await this.isRunning(serverId)) await this.#inside(server, ["nft", "-f", "/etc/stand-in/firewall.nft"]);
  }

  async attachNetwork(serverId: number, attachment: NetworkAttachment): Promise<void> {
    if (this.#heldInterfaces !== undefined) {
      this.#heldInterfaces.push({ serverId, attachment });
      return;
    }
    await attachPrivateNetwork(this.#docker, this.#ledger, this.#server(serverId).container, attachment);
  }

  async detachNetwork(serverId: number, networkId: number): Promise<void> {
    const held = this.#heldInterfaces?.findIndex((it) => it.serverId === serverId && it.attachment.networkId === networkId) ?? -1;
    if (held >= 0) {
      this.#heldInterfaces?.splice(held, 1);
      return;
    }
    await detachPrivateNetwork(this.#docker, this.#ledger, this.#server(serverId).container, networkId);
  }

  /** Run a program inside a server, as root and without SSH: for tests, and for looking at a server that cannot be reached. */
  async exec(serverId: number, argv: readonly string[], options?: ExecOptions): Promise<ExecResult> {
    return await this.#docker.attempt(["exec", "--interactive", this.#server(serverId).container, ...argv], options);
  }

  /** sshd's journal: the accepted keys are in it. */
  async log(serverId: number): Promise<string> {
    return (await this.exec(serverId, ["journalctl", "--unit", "ssh", "--no-pager", "--output", "cat"])).stdout;
  }

  async isRunning(serverId: number): Promise<boolean> {
    return (await this.#docker(["inspect", "--format", "{{.State.Running}}", this.#server(serverId).container])) === "true";
  }

  #server(serverId: number): Server {
    const server = this.#servers.get(serverId);
    if (server === undefined) throw new Error(`using server ${serverId}: it must exist, and does not`);
    return server;
  }

  async #inside(server: Server, argv: readonly string[]): Promise<void> {
    await this.#docker(["exec", server.container, ...argv]);
  }

  async #layVolumes(server: Server): Promise<void> {
    await this.#lay(server, [{ path: "/etc/stand-in/volumes", mode: "0600", text: volumesFile(server) }]);
  }

  async #lay(server: Server, files: readonly TarFile[]): Promise<void> {
    await this.#docker(["cp", "-", `${server.container}:/`], { input: tar(files) });
  }
}
