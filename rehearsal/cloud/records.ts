import type { FirewallRule } from "./machines.ts";

/** What the books hold of each resource. Views (`*View`) turn records into the API's JSON; nothing else is kept. */
interface Named {
  readonly id: number;
  name: string;
  labels: Record<string, string>;
  /** ISO 8601, UTC. */
  readonly created: string;
}

export interface SshKeyRecord extends Named {
  readonly publicKey: string;
  readonly fingerprint: string;
}

export type FirewallTarget = { readonly type: "server"; readonly server: number } | { readonly type: "label_selector"; readonly selector: string };

export interface FirewallRecord extends Named {
  rules: (FirewallRule & { readonly description: string | null })[];
  targets: FirewallTarget[];
}

export interface PrimaryIpRecord extends Named {
  readonly type: "ipv4" | "ipv6";
  /** An address, or a /64 network. */
  readonly ip: string;
  readonly location: string;
  assignee: number | null;
  autoDelete: boolean;
  protected: boolean;
}

export interface SubnetRecord {
  readonly type: string;
  readonly ip_range: string;
  readonly network_zone: string;
  readonly gateway: string;
}

export interface NetworkRecord extends Named {
  ipRange: string;
  subnets: SubnetRecord[];
  protected: boolean;
}

export interface PrivateNet {
  readonly network: number;
  readonly ip: string;
  readonly aliasIps: readonly string[];
  readonly macAddress: string;
}

export type ServerStatus = "initializing" | "starting" | "running" | "stopping" | "off" | "migrating" | "deleting";

export interface ServerRecord extends Named {
  status: ServerStatus;
  /** Name of the server type. */
  type: string;
  /** Size of the root disk; a change of type may leave it. */
  diskGb: number;
  readonly imageId: number;
  readonly location: string;
  privateNets: PrivateNet[];
  protectedDelete: boolean;
  protectedRebuild: boolean;
}

export interface VolumeRecord extends Named {
  status: "creating" | "available";
  sizeGb: number;
  readonly location: string;
  readonly format: "ext4" | "xfs" | null;
  server: number | null;
  protected: boolean;
}

export type ResourceType = "server" | "volume" | "firewall" | "primary_ip" | "network";

export interface ResourceRef {
  readonly type: ResourceType;
  readonly id: number;
}

export interface ActionRecord {
  readonly id: number;
  readonly command: string;
  status: "running" | "success" | "error";
  progress: number;
  readonly started: string;
  finished: string | null;
  error: { readonly code: string; readonly message: string } | null;
  readonly resources: readonly ResourceRef[];
}
