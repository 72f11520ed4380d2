import type { Fault } from "./fault.ts";
import type { Node } from "./nodes.ts";
import { type ServerSize, typePath } from "./rules-size.ts";
import type { Config } from "./schema.ts";

/** A volume as Hetzner has it, attached to a server of this stack. Pure: `resources/fit.ts` asks. */
export interface HeldVolume {
  readonly id: number;
  readonly name: string;
  /** Name of the server. */
  readonly server: string;
  /** Made by this stack, or by one of its name before it was destroyed. */
  readonly own: boolean;
}

/** A server of this stack as Hetzner has it. */
export interface HeldServer {
  readonly name: string;
  readonly type: string;
  /** Of its own root disk, in GB: what it was made with, whatever its type has now. */
  readonly diskGb: number;
  readonly location: string;
  /** As Hetzner names it; undefined where its type is no longer listed. */
  readonly architecture: string | undefined;
}

/** What a node's server and its volume are called at Hetzner. */
export function nameAtHetzner(stack: string, { first, name }: Pick<Node, "first" | "name">): string {
  return first ? stack : `${stack}-${name}`;
}

/** Labels of whatever a stack has at Hetzner. */
export function labelsAtHetzner(project: string, stack: string): Record<string, string> {
  return { "managed-by": "berth", project, stack };
}

/** What finds all that has these labels. */
export function selectorOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(",");
}

/**
 * A node whose server has another volume than the configuration says. Pulumi would detach it under the running application before the host could
 * refuse the other one. A server without any volume is a new one, or one whose volume somebody detached on purpose.
 * @param stack project and stack, as in the names at Hetzner
 */
export function volumeFaults(config: Config, nodes: readonly Node[], stack: string, held: readonly HeldVolume[]): Fault[] {
  return nodes.flatMap((node): Fault[] => {
    const server = nameAtHetzner(stack, node);
    const here = held.filter((it) => it.server === server);
    const wanted = node.volume?.id;
    const [one] = here;
    if (node.volume === null || one === undefined || here.some((it) => (wanted === undefined ? it.own || it.name === server : it.id === wanted))) return [];
    const byNode = config.nodes[node.kind]?.volumeId !== undefined || !node.first;
    return [{
      path: byNode ? `nodes.${node.kind}.volumeId` : "volume.id",
      required: `${here.map(({ id }) => id).join(" or ")}, the volume that server ${server} has, because another one would be put in its place under the running application (docs/configuration.md, "Another volume", says how to change it)`,
      found: wanted === undefined ? "nothing, which means a volume of the stack's own" : String(wanted),
    }];
  });
}

/**
 * A node whose living server cannot be resized to the type that the configuration says. Hetzner refuses that as well, but only once its provider has
 * powered the server off. Whether there is room for the type, nobody can tell before.
 * @param stack project and stack, as in the names at Hetzner
 * @param sizes by server type, of every node's
 */
export function resizeFaults(config: Config, nodes: readonly Node[], stack: string, held: readonly HeldServer[], sizes: ReadonlyMap<string, ServerSize>): Fault[] {
  return nodes.flatMap((node): Fault[] => {
    const server = held.find(({ name }) => name === nameAtHetzner(stack, node));
    const size = sizes.get(node.serverType);
    if (server === undefined || size === undefined || server.type === node.serverType) return [];
    const anew = "because a living server is resized in place; for another, shut this one down and delete it in Hetzner's web interface, and run `npx pulumi up --refresh`: " +
      "it is made anew, with the same address and data";
    const fault = (required: string, found: string): Fault => ({ path: typePath(config, node), required: `a type ${required}, ${anew}`, found: `${node.serverType}, ${found}` });
    return [
      ...(size.diskGb < server.diskGb ? [fault(`with a root disk of at least ${server.diskGb} GB, which server ${server.name} has`, `which has ${size.diskGb} GB`)] : []),
      ...(server.architecture !== undefined && size.architecture !== server.architecture ? [fault(`of architecture ${server.architecture}, which server ${server.name} has`, `which is ${size.architecture}`)] : []),
      ...(size.locations !== undefined && size.locations.length > 0 && !size.locations.includes(server.location) ? [fault(`to be had in ${server.location}, where server ${server.name} is`, `to be had in ${size.locations.join(", ")}`)] : []),
    ];
  });
}
