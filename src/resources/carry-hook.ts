import * as pulumi from "@pulumi/pulumi";
import type { DataRole, Here, Layout } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import type { ReleaseBundle } from "../release/bundle.ts";
import { messageOf } from "../verify/words.ts";
import { carry, foresee } from "./carry.ts";
import { firstNode } from "./connection.ts";
import { Refused, type Wanted } from "./moves.ts";
import { byNow } from "./waiting.ts";

/**
 * Runs before the first node's release, which is the first to rely on where the data is. A preview asks the same nodes, and names each move, or why it
 * would be refused; where it cannot reach them, as in a pipeline without a way in, it says that.
 */
export function carryData(config: Config, layout: Layout, address: pulumi.Output<string>, bundle: pulumi.Output<ReleaseBundle>): pulumi.ResourceHook {
  const known = firstNode(config, address, bundle);
  const wanted: Wanted = { redis: place(layout, "redis"), postgres: place(layout, "postgres") };
  const name = (at: string | null): string => nameOf(layout, at);
  return new pulumi.ResourceHook("carry-data", async () => {
    if (pulumi.runtime.isDryRun()) {
      // Before the first server has an address there is nothing to move.
      const here = await byNow(known);
      if (here === undefined) return;
      for (const line of await foreseen({ ...here, wanted, name })) await pulumi.log.warn(line);
      return;
    }
    await carry({ ...(await known), wanted, name, project: config.project, uids: { redis: config.redis.uid, postgres: config.postgres.uid }, say: (line) => void pulumi.log.info(line) });
  }, { onDryRun: true });
}

/**
 * Runs before a node that has data is released again, which is before the hook above. A move away from it that was cut off, and that the configuration
 * takes back, ends here: its release is refused while it is giving its data up, and one without the data would begin empty.
 */
export function keepData(config: Config, { node, layout }: Here, address: pulumi.Output<string>, bundle: pulumi.Output<ReleaseBundle>): pulumi.ResourceHook {
  const known = firstNode(config, address, bundle);
  const kept = (role: DataRole): string | undefined => (layout.holder[role] === node ? node.address ?? undefined : undefined);
  const wanted: Wanted = { redis: kept("redis"), postgres: kept("postgres") };
  const name = (at: string | null): string => nameOf(layout, at);
  return new pulumi.ResourceHook(`keep-data-${node.name}`, async () => {
    const cut = { ...(await known), wanted, name, onlyCut: true };
    // A first node that does not answer keeps nothing from being released here: what must not begin, the host refuses.
    const left = await foresee(cut).catch(() => []);
    if (left.length === 0) return;
    await carry({ ...cut, project: config.project, uids: { redis: config.redis.uid, postgres: config.postgres.uid }, say: (line) => void pulumi.log.info(line) });
  });
}

async function foreseen(what: Parameters<typeof foresee>[0]): Promise<string[]> {
  try {
    return await foresee(what);
  } catch (error) {
    const why = messageOf(error);
    return [error instanceof Refused ? `\`pulumi up\` will refuse this. ${why}` : `where the data of redis and postgres is could not be asked (${why}): \`pulumi up\` asks, and moves what berth:nodes places elsewhere; the application stops meanwhile`];
  }
}

function place(layout: Layout, role: DataRole): string | null | undefined {
  const holder = layout.holder[role];
  return holder === undefined ? undefined : holder.first ? null : holder.address;
}

/** A node that leaves the stack has no name here any more. */
function nameOf(layout: Layout, address: string | null): string {
  const node = address === null ? layout.first : layout.nodes.find((it) => it.address === address);
  return node === undefined ? `the node at ${address ?? "?"}` : address === null ? `node ${node.name}` : `node ${node.name} (${address})`;
}
