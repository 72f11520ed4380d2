import { memoryDemand, ROOT_DISK_GB } from "./budgets.ts";
import type { Fault } from "./fault.ts";
import { layoutOf, migratorOf, type Node } from "./nodes.ts";
import type { Rule } from "./rules.ts";
import type { Config } from "./schema.ts";

/** What a Hetzner server type really has. Memory in MiB, disk in GB, architecture as Hetzner's API names it. */
export interface ServerSize {
  readonly memoryMb: number;
  readonly diskGb: number;
  readonly architecture: string;
  /** Where Hetzner sells it; without the list nothing is held against it. */
  readonly locations?: readonly string[];
}

/** Sizes by server type; one alone is that of every node. */
export type ServerSizes = ServerSize | ReadonlyMap<string, ServerSize>;

const LIMITS = ["redis.memoryMb", "postgres.memoryMb", "api.memoryMb", "worker.memoryMb", "proxy.memoryMb", "app.migrate", "host.reserveMb"];

/** One node of each entry: those of a count are alike. */
function kinds(config: Config): Node[] {
  return layoutOf(config).nodes.filter(({ name, kind }) => name === kind);
}

/** The key that says a node's type. */
export function typePath({ nodes }: Config, { kind }: Pick<Node, "kind">): string {
  return nodes[kind]?.serverType === undefined ? "server.type" : `nodes.${kind}.serverType`;
}

/** Rules that hold a configuration against real servers. */
export function sizeRules(sizes: ServerSizes): readonly Rule[] {
  const each = (config: Config, judge: (node: Node, size: ServerSize) => Fault[]): Fault[] => {
    const faults = kinds(config).flatMap((node) => {
      const size = "memoryMb" in sizes ? sizes : sizes.get(node.serverType);
      return size === undefined ? [] : judge(node, size);
    });
    // Nodes of one type share its faults.
    return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()];
  };
  return [
    {
      reads: ["nodes", "server.type", ...LIMITS],
      judge: (config) => {
        const migrator = migratorOf(layoutOf(config))?.name;
        return each(config, (node, size) => {
          const demand = memoryDemand(config, node.roles, node.name === migrator);
          const sum = [...demand.values()].reduce((total, mb) => total + mb, 0);
          const room = size.memoryMb - config.host.reserveMb;
          if (sum <= room) return [];
          const on = Object.keys(config.nodes).length === 0 ? "" : ` on ${node.kind}`;
          return [
            {
              path: typePath(config, node),
              required: `memory limits of at most ${room} MiB together${on} (${node.serverType} has ${size.memoryMb}, host.reserveMb keeps ${config.host.reserveMb}), or a larger type`,
              found: `${sum} MiB (${[...demand].map(([name, mb]) => `${name} ${mb}`).join(", ")})`,
            },
          ];
        });
      },
    },
    {
      reads: ["nodes", "server.type", "app.architectures"],
      judge: (config) =>
        each(config, (node, size) =>
          config.app.architectures.some((it) => it === size.architecture)
            ? []
            : [
                {
                  path: "app.architectures",
                  required: `${size.architecture}, which ${node.serverType} is: build the image for it and say so here, or take another server type`,
                  found: config.app.architectures.join(", "),
                },
              ]),
    },
    {
      reads: ["nodes", "server.type"],
      judge: (config) =>
        each(config, (node, size) =>
          size.diskGb >= ROOT_DISK_GB
            ? []
            : [{ path: typePath(config, node), required: `a root disk of at least ${ROOT_DISK_GB} GB, for the system and the images of two releases`, found: `${size.diskGb} GB` }]),
    },
  ];
}
