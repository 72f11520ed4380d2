import type { Fault } from "./fault.ts";
import type { Node } from "./nodes.ts";
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
