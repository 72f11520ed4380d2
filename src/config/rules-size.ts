import { memoryDemand, ROOT_DISK_GB } from "./budgets.ts";
import type { Rule } from "./rules.ts";

/** What a Hetzner server type really has. Memory in MiB, disk in GB, architecture as Hetzner's API names it. */
export interface ServerSize {
  readonly memoryMb: number;
  readonly diskGb: number;
  readonly architecture: string;
}

const LIMITS = ["redis.memoryMb", "postgres.memoryMb", "api.memoryMb", "worker.memoryMb", "proxy.memoryMb", "app.migrate", "host.reserveMb"];

/** Rules that hold a configuration against a real server. */
export function sizeRules(size: ServerSize): readonly Rule[] {
  return [
    {
      reads: ["server.type", ...LIMITS],
      judge: (config) => {
        const demand = memoryDemand(config);
        const sum = [...demand.values()].reduce((total, mb) => total + mb, 0);
        const room = size.memoryMb - config.host.reserveMb;
        if (sum <= room) return [];
        return [
          {
            path: "server.type",
            required: `memory limits of at most ${room} MiB together (${config.server.type} has ${size.memoryMb}, host.reserveMb keeps ${config.host.reserveMb}), or a larger type`,
            found: `${sum} MiB (${[...demand].map(([name, mb]) => `${name} ${mb}`).join(", ")})`,
          },
        ];
      },
    },
    {
      reads: ["server.type", "app.architectures"],
      judge: ({ app, server }) =>
        app.architectures.some((it) => it === size.architecture)
          ? []
          : [
              {
                path: "app.architectures",
                required: `${size.architecture}, which ${server.type} is: build the image for it and say so here, or take another server type`,
                found: app.architectures.join(", "),
              },
            ],
    },
    {
      reads: ["server.type"],
      judge: () =>
        size.diskGb >= ROOT_DISK_GB
          ? []
          : [{ path: "server.type", required: `a root disk of at least ${ROOT_DISK_GB} GB, for the system and the images of two releases`, found: `${size.diskGb} GB` }],
    },
  ];
}
