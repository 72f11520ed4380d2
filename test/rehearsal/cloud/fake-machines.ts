import type { FirewallRule, Machines, MachineSpec, NetworkAttachment } from "../../../rehearsal/cloud/machines.ts";

/** Machines that only remember what was asked of them. `fail` makes the next call of that name reject. */
export class FakeMachines implements Machines {
  readonly calls: string[] = [];
  readonly specs: MachineSpec[] = [];
  readonly firewalls = new Map<number, readonly FirewallRule[] | null>();
  /** Called when a server is made: a test may start something real here. */
  onServer: (spec: MachineSpec) => Promise<void> = () => Promise.resolve();
  /** How long an orderly stop takes. */
  onShutdown: () => Promise<void> = () => Promise.resolve();
  #failing: { call: string; message: string } | undefined;

  fail(call: string, message: string): void {
    this.#failing = { call, message };
  }

  async createServer(spec: MachineSpec): Promise<void> {
    await this.#note("createServer", spec.name);
    this.specs.push(spec);
    await this.onServer(spec);
  }

  deleteServer(serverId: number): Promise<void> {
    return this.#note("deleteServer", serverId);
  }

  reboot(serverId: number): Promise<void> {
    return this.#note("reboot", serverId);
  }

  async shutdown(serverId: number): Promise<void> {
    await this.#note("shutdown", serverId);
    await this.onShutdown();
  }

  powerOn(serverId: number): Promise<void> {
    return this.#note("powerOn", serverId);
  }

  powerOff(serverId: number): Promise<void> {
    return this.#note("powerOff", serverId);
  }

  reset(serverId: number): Promise<void> {
    return this.#note("reset", serverId);
  }

  resize(serverId: number, size: { memoryMb: number; cores: number; diskGb: number }): Promise<void> {
    return this.#note("resize", serverId, `${size.memoryMb}/${size.cores}/${size.diskGb}`);
  }

  createVolume(spec: { id: number; sizeGb: number; format: string | null }): Promise<void> {
    return this.#note("createVolume", spec.id, `${spec.sizeGb}/${spec.format}`);
  }

  deleteVolume(volumeId: number): Promise<void> {
    return this.#note("deleteVolume", volumeId);
  }

  attachVolume(volumeId: number, serverId: number): Promise<void> {
    return this.#note("attachVolume", volumeId, serverId);
  }

  detachVolume(volumeId: number): Promise<void> {
    return this.#note("detachVolume", volumeId);
  }

  resizeVolume(volumeId: number, sizeGb: number): Promise<void> {
    return this.#note("resizeVolume", volumeId, sizeGb);
  }

  async applyFirewall(serverId: number, rules: readonly FirewallRule[] | null): Promise<void> {
    await this.#note("applyFirewall", serverId, rules === null ? "none" : rules.map((it) => `${it.direction}/${it.protocol}/${it.port}`).join(","));
    this.firewalls.set(serverId, rules);
  }

  attachNetwork(serverId: number, attachment: NetworkAttachment): Promise<void> {
    return this.#note("attachNetwork", serverId, attachment.ip);
  }

  detachNetwork(serverId: number, networkId: number): Promise<void> {
    return this.#note("detachNetwork", serverId, networkId);
  }

  #note(call: string, ...args: readonly (string | number)[]): Promise<void> {
    this.calls.push([call, ...args].join(" "));
    if (this.#failing?.call !== call) return Promise.resolve();
    const { message } = this.#failing;
    this.#failing = undefined;
    return Promise.reject(new Error(message));
  }
}
