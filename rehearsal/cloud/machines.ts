/**
 * What the stand-in API needs of whatever stands in for hardware. The API keeps the books (ids, names, protection,
 * locks); a `Machines` makes them true. Every method settles when the thing is done, or rejects with an Error whose
 * message becomes the message of the failed action. Calls about one server or one volume never overlap.
 */
export interface Machines {
  /** Create a server and start it; settles when it runs (its first boot goes on). */
  createServer(spec: MachineSpec): Promise<void>;
  /** Remove a server and its root disk. Attached volumes were detached before. Also called to clear away a failed creation. */
  deleteServer(serverId: number): Promise<void>;
  /** Orderly restart (ACPI). */
  reboot(serverId: number): Promise<void>;
  /** Orderly stop (ACPI): units are stopped in order before the power goes. */
  shutdown(serverId: number): Promise<void>;
  powerOn(serverId: number): Promise<void>;
  /** Pull the plug: nothing inside is told. */
  powerOff(serverId: number): Promise<void>;
  /** Pull the plug and start again. */
  reset(serverId: number): Promise<void>;
  /** Change memory and cores of a server that is off. */
  resize(serverId: number, size: MachineSize): Promise<void>;

  /** Give a server that is off another public IPv4 address, or none. Machines that cannot leave it out; the action then fails and says so. */
  setPublicAddress?(serverId: number, ipv4: string | null): Promise<void>;

  createVolume(spec: VolumeSpec): Promise<void>;
  deleteVolume(volumeId: number): Promise<void>;
  /** Make the volume appear as `/dev/disk/by-id/scsi-0HC_Volume_<id>` inside the server, running or not. */
  attachVolume(volumeId: number, serverId: number): Promise<void>;
  detachVolume(volumeId: number): Promise<void>;
  /** Grow the block device; the file system in it is the server's business. */
  resizeVolume(volumeId: number, sizeGb: number): Promise<void>;

  /**
   * Make these the rules in front of the server's public interface, replacing what was there. `null`: no firewall is
   * applied, everything passes. An empty list: a firewall without rules, nothing comes in. Private networks are never filtered.
   */
  applyFirewall(serverId: number, rules: readonly FirewallRule[] | null): Promise<void>;

  /** Give the server an interface in a private network. */
  attachNetwork(serverId: number, attachment: NetworkAttachment): Promise<void>;
  detachNetwork(serverId: number, networkId: number): Promise<void>;
}

export interface MachineSize {
  readonly memoryMb: number;
  readonly cores: number;
  readonly diskGb: number;
}

export interface MachineSpec extends MachineSize {
  readonly id: number;
  /** Also the host name. */
  readonly name: string;
  /** Public address, one of the list the API was started with; null for a server without a public IPv4. */
  readonly ipv4: string | null;
  /** First address of the server's /64; null without public IPv6. */
  readonly ipv6: string | null;
  /** `debian-13` and the like. */
  readonly image: string;
  /** cloud-init user data, verbatim; may be empty. Holds secrets: never print it. */
  readonly userData: string;
  /** OpenSSH public keys for root. */
  readonly sshKeys: readonly string[];
  /** Hetzner's location name: `nbg1`. */
  readonly location: string;
  /** False: the server is made, but stays off. */
  readonly start: boolean;
}

export interface VolumeSpec {
  readonly id: number;
  readonly sizeGb: number;
  /** Make this file system on it; null leaves it blank. */
  readonly format: "ext4" | "xfs" | null;
}

export interface FirewallRule {
  readonly direction: "in" | "out";
  readonly protocol: "tcp" | "udp" | "icmp" | "esp" | "gre";
  /** `80`, `80-85` or `any`; null for protocols without ports. */
  readonly port: string | null;
  /** CIDR ranges; of `in` rules. */
  readonly sourceIps: readonly string[];
  /** CIDR ranges; of `out` rules. */
  readonly destinationIps: readonly string[];
}

export interface NetworkAttachment {
  readonly networkId: number;
  readonly name: string;
  /** CIDR of the whole network: `10.0.0.0/16`. */
  readonly ipRange: string;
  /** The server's own address in it. */
  readonly ip: string;
  readonly macAddress: string;
}
