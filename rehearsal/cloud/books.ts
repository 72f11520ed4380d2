import { Actions } from "./actions.ts";
import { LOCATIONS, type Location, SERVER_TYPES, type ServerType } from "./catalog.ts";
import { ApiError, invalidField, notFound, notUnique } from "./errors.ts";
import type { Faults } from "./faults.ts";
import { matchesSelector } from "./labels.ts";
import type { Machines } from "./machines.ts";
import type { FirewallRecord, NetworkRecord, PrimaryIpRecord, ServerRecord, SshKeyRecord, VolumeRecord } from "./records.ts";

export interface BooksOptions {
  readonly machines: Machines;
  readonly faults: Faults;
  /** Public IPv4 addresses to give out, in this order. */
  readonly ipv4Addresses: readonly string[];
  /** How long an action waits before its work begins. */
  readonly actionDelayMs: number;
}

/** All resources of one project, and the questions that routes of several kinds ask. */
export class Books {
  readonly machines: Machines;
  readonly actions: Actions;
  readonly sshKeys = new Map<number, SshKeyRecord>();
  readonly firewalls = new Map<number, FirewallRecord>();
  readonly primaryIps = new Map<number, PrimaryIpRecord>();
  readonly networks = new Map<number, NetworkRecord>();
  readonly servers = new Map<number, ServerRecord>();
  readonly volumes = new Map<number, VolumeRecord>();
  readonly #ipv4Addresses: readonly string[];
  #lastId = 10_000_000;

  constructor(options: BooksOptions) {
    this.machines = options.machines;
    this.#ipv4Addresses = options.ipv4Addresses;
    this.actions = new Actions({ faults: options.faults, nextId: () => this.nextId(), delayMs: options.actionDelayMs });
  }

  nextId(): number {
    return ++this.#lastId;
  }

  server(id: number): ServerRecord {
    return found(this.servers, "server", id);
  }

  volume(id: number): VolumeRecord {
    return found(this.volumes, "volume", id);
  }

  firewall(id: number): FirewallRecord {
    return found(this.firewalls, "firewall", id);
  }

  primaryIp(id: number): PrimaryIpRecord {
    return found(this.primaryIps, "primary_ip", id);
  }

  network(id: number): NetworkRecord {
    return found(this.networks, "network", id);
  }

  sshKey(id: number): SshKeyRecord {
    return found(this.sshKeys, "ssh_key", id);
  }

  serverType(name: string): ServerType {
    const type = SERVER_TYPES.find((it) => it.name === name);
    if (type === undefined) throw notFound("server_type", name);
    return type;
  }

  primaryIpOf(server: number, type: "ipv4" | "ipv6"): PrimaryIpRecord | undefined {
    return [...this.primaryIps.values()].find((ip) => ip.assignee === server && ip.type === type);
  }

  volumesOf(server: number): VolumeRecord[] {
    return [...this.volumes.values()].filter((volume) => volume.server === server);
  }

  firewallsOf(server: ServerRecord): FirewallRecord[] {
    return [...this.firewalls.values()].filter((firewall) => firewall.targets.some((target) =>
      target.type === "server" ? target.server === server.id : matchesSelector(server.labels, target.selector)));
  }

  /** Take a server out of everything that names it; addresses that go with it go too. */
  forget(server: ServerRecord): void {
    this.servers.delete(server.id);
    for (const ip of [...this.primaryIps.values()].filter((it) => it.assignee === server.id)) {
      ip.assignee = null;
      if (ip.autoDelete) this.primaryIps.delete(ip.id);
    }
    for (const firewall of this.firewalls.values()) {
      firewall.targets = firewall.targets.filter((target) => target.type !== "server" || target.server !== server.id);
    }
  }

  /** Bring the rules in front of a server in line with the books. A server that is gone needs none. */
  async applyFirewalls(serverId: number): Promise<void> {
    const server = this.servers.get(serverId);
    if (server === undefined) return;
    const firewalls = this.firewallsOf(server);
    await this.machines.applyFirewall(serverId, firewalls.length === 0 ? null : firewalls.flatMap((firewall) => firewall.rules));
  }

  /** @throws {ApiError} resource_unavailable when every address is given out */
  allocateAddress(type: "ipv4" | "ipv6", id: number): string {
    if (type === "ipv6") return `2001:db8:${(id >> 16).toString(16)}:${(id & 0xffff).toString(16)}::/64`;
    const taken = new Set([...this.primaryIps.values()].map((ip) => ip.ip));
    const free = this.#ipv4Addresses.find((address) => !taken.has(address));
    if (free === undefined) throw new ApiError("resource_unavailable", `no IPv4 address is left: ${taken.size} of ${this.#ipv4Addresses.length} are given out`);
    return free;
  }
}

export function found<T>(map: ReadonlyMap<number, T>, what: string, id: number): T {
  const record = map.get(id);
  if (record === undefined) throw notFound(what, id);
  return record;
}

/** @throws {ApiError} uniqueness_error when another resource of the kind has the name */
export function assertUniqueName(map: ReadonlyMap<number, { readonly id: number; readonly name: string }>, what: string, name: string, except?: number): void {
  for (const record of map.values()) {
    if (record.name === name && record.id !== except) throw notUnique("name", `${what} name is already used`);
  }
}

export function locationNamed(given: number | string): Location {
  const location = LOCATIONS.find((it) => it.name === given || it.id === given || String(it.id) === given);
  if (location === undefined) throw invalidField("location", `location '${given}' does not exist; there are ${LOCATIONS.map((it) => it.name).join(", ")}`);
  return location;
}

/** @throws {ApiError} protected */
export function assertNotProtected(isProtected: boolean, what: string): void {
  if (isProtected) throw new ApiError("protected", `${what} deletion is protected`);
}
