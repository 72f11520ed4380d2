import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { labelsAtHetzner } from "../config/at-hetzner.ts";
import type { Layout, Node } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import type { Server } from "./server.ts";

/**
 * The network between the nodes of a stack. Each node's address follows from the configuration, so that Compose files and host rules
 * are known before a server is made. Hetzner's firewall does not look at it: the hosts' own rules say who may reach what.
 */
export class PrivateNetwork extends pulumi.ComponentResource {
  readonly #network: hcloud.Network;
  readonly #subnet: hcloud.NetworkSubnet;

  constructor(name: string, config: Config) {
    super("berth:index:PrivateNetwork", name, {});
    const own = { parent: this };
    const named = `${config.project}-${pulumi.getStack()}`;
    const { range } = config.network;
    const zone = hcloud.getLocationOutput({ name: config.server.location }).networkZone;
    this.#network = new hcloud.Network(name, { name: named, labels: labelsAtHetzner(config.project, pulumi.getStack()), ipRange: range }, own);
    this.#subnet = new hcloud.NetworkSubnet(name, { networkId: this.#network.id.apply(Number), type: "cloud", networkZone: zone, ipRange: range }, own);
    this.registerOutputs({});
  }

  /** Give a server its address. An inline network of the server would differ at every update (pulumi-hcloud#170). */
  join(node: Node, server: Server): pulumi.Resource[] {
    if (node.address === null) return [];
    const name = node.first ? "server" : `server-${node.name}`;
    return [new hcloud.ServerNetwork(name, { serverId: server.serverId.apply(Number), networkId: this.#network.id.apply(Number), ip: node.address }, {
      parent: this,
      dependsOn: [this.#subnet, ...server.attached],
      deleteBeforeReplace: true,
      replaceOnChanges: ["ip"],
    })];
  }

  /** The network of a layout; undefined for one node, which needs none. */
  static for(layout: Layout, config: Config): PrivateNetwork | undefined {
    return layout.nodes.some(({ address }) => address !== null) ? new PrivateNetwork("network", config) : undefined;
  }
}
