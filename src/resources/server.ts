import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { labelsAtHetzner, nameAtHetzner } from "../config/at-hetzner.ts";
import { deployKeys, fingerprint } from "../config/keys.ts";
import type { Here, Node } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { cloudInit } from "../host/cloud-init.ts";
import { firewallRules } from "../host/firewall.ts";
import { adviceOnError } from "./advice.ts";
import { stopBeforePowerCut } from "./resize.ts";

/**
 * One Hetzner server that can be lost without losing anything: the address and the data are resources of their own.
 *
 * What must not cost a server (a new key, a new base image, changed user data) does not replace it: those are first-boot
 * facts, and every release applies the host settings anyway. A changed `server.type` or `server.ipv6` changes it in place, after an orderly stop.
 */
export class Server extends pulumi.ComponentResource {
  /** Public IPv4 address; it outlives the server. */
  readonly address: pulumi.Output<string>;
  /** Public IPv6 address; empty without one. It goes with the server. */
  readonly address6: pulumi.Output<string>;
  /** Hetzner server type, known when the server has it: what depends on it runs again after a resize. */
  readonly type: pulumi.Output<string>;
  /** Hetzner's id of the server. */
  readonly serverId: pulumi.Output<string>;
  /** Public keys that may deploy: registered at Hetzner here, and laid down on the host with every release. */
  readonly deployKeys: readonly string[];
  /** Those keys as Hetzner knows them: the first node registers them, the others are given them. */
  readonly sshKeys: readonly pulumi.Output<string>[];
  /** Hetzner's id of the data volume, and its size in GB, known when it has it; null where nothing is kept. */
  readonly volume: pulumi.Output<{ volumeId: string | null; volumeGb?: number }>;
  /** What changes the server after it was made, one at a time: Hetzner locks it meanwhile. */
  readonly attached: readonly pulumi.Resource[];

  /** @param first the stack's first node, for every other one */
  constructor(name: string, { config, here, first }: { config: Config; here: Here; first?: Server }, opts?: pulumi.ComponentResourceOptions) {
    super("berth:index:Server", name, {}, opts);
    const { node } = here;
    const advice = [adviceOnError(name)];
    const own = { parent: this, hooks: { onError: advice } };
    const stack = `${config.project}-${pulumi.getStack()}`;
    const named = nameAtHetzner(stack, node);
    const labels = { ...labelsAtHetzner(config.project, pulumi.getStack()), ...(node.first ? {} : { node: node.name }) };
    const { location } = config.server;

    this.deployKeys = deployKeys(config);
    // Each by a name of its own, so that a rotation adds one and takes one away, and never asks for a name that is taken.
    this.sshKeys = first?.sshKeys ?? this.deployKeys.map((line) => new hcloud.SshKey(`${name}-${fingerprint(line)}`, { name: `${named}-${fingerprint(line)}`, labels, publicKey: line }, own).id);
    const firewall = new hcloud.Firewall(name, { name: named, labels, rules: firewallRules(config, here) }, own);
    const address = new hcloud.PrimaryIp(name, { name: named, labels, type: "ipv4", location, autoDelete: false }, {
      ...own,
      // The provider shows who holds the address here; the server below says it.
      ignoreChanges: ["assigneeType", "assigneeId"],
    });
    const volume = node.volume === null ? undefined : dataVolume(name, config, node.volume, { name: named, labels }, own);

    const server = new hcloud.Server(name, {
      name: named,
      labels,
      serverType: node.serverType,
      image: config.server.image,
      location,
      keepDisk: true,
      sshKeys: [...this.sshKeys],
      firewallIds: [numeric(firewall.id)],
      publicNets: [{ ipv4Enabled: true, ipv4: numeric(address.id), ipv6Enabled: config.server.ipv6 }],
      userData: pulumi.secret(cloudInit(config)),
      shutdownBeforeDeletion: true,
    }, {
      ...own,
      ignoreChanges: ["userData", "sshKeys", "image", "location"],
      // The address is one: the old server must let go of it before the new one can have it.
      deleteBeforeReplace: true,
      hooks: { beforeUpdate: [stopBeforePowerCut(name, config, address.ipAddress)], onError: advice },
    });

    this.attached = volume === undefined ? [] : [new hcloud.VolumeAttachment(name, { volumeId: numeric(volume.id), serverId: numeric(server.id), automount: false }, {
      ...own,
      deletedWith: server,
      deleteBeforeReplace: true,
    })];

    this.address = address.ipAddress;
    this.address6 = config.server.ipv6 ? server.ipv6Address : pulumi.output("");
    this.type = server.serverType;
    this.serverId = server.id;
    this.volume = volume === undefined ? pulumi.output({ volumeId: null }) : pulumi.all([volume.id, volume.size]).apply(([volumeId, volumeGb]) => ({ volumeId, volumeGb }));
    this.registerOutputs({ address: this.address, serverId: this.serverId, ...(volume === undefined ? {} : { volumeId: volume.id }) });
  }
}

/** The volume of this node, or the one that the configuration says to adopt. Kept by `pulumi destroy` unless told otherwise. */
function dataVolume(
  name: string,
  { server, volume }: Config,
  own: NonNullable<Node["volume"]>,
  common: { name: string; labels: Record<string, string> },
  opts: pulumi.CustomResourceOptions,
): hcloud.Volume {
  if (own.id !== undefined) return hcloud.Volume.get(name, String(own.id), undefined, opts);
  return new hcloud.Volume(name, { ...common, size: own.sizeGb, location: server.location, deleteProtection: !volume.deleteOnDestroy }, {
    ...opts,
    retainOnDelete: !volume.deleteOnDestroy,
  });
}

/** The provider gives ids as strings and takes them as numbers: converted here, once. */
function numeric(id: pulumi.Output<string>): pulumi.Output<number> {
  return id.apply(Number);
}
