import type * as pulumi from "@pulumi/pulumi";
import { type Here, layoutOf } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { PrivateNetwork } from "./private-network.ts";
import { Server } from "./server.ts";

/** A node of the stack: what stands on it, its server, and what joins it to the others. */
export interface Machine {
  readonly here: Here;
  readonly server: Server;
  readonly joined: readonly pulumi.Resource[];
}

/** Name of a node's resource. The first node has the plain one, which is what a stack of one node calls it. */
export function nameOn({ node }: Here, name: string): string {
  return node.first ? name : `${name}-${node.name}`;
}

/** Every node's server, in the order in which they are released; several are joined by a private network. */
export function provision(config: Config): Machine[] {
  const layout = layoutOf(config);
  const network = PrivateNetwork.for(layout, config);
  const first = new Server("server", { config, here: { node: layout.first, layout } });
  return layout.nodes.map((node) => {
    const here = { node, layout };
    const server = node.first ? first : new Server(nameOn(here, "server"), { config, here, first });
    return { here, server, joined: network?.join(node, server) ?? [] };
  });
}
