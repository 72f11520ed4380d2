import type { Rehearsal } from "../../rehearsal/rehearsal.ts";

/** A network that is cut between one node and all others: packets vanish, and nobody says so. Their way in from outside stays open. */

const TABLE = "ip cut-off";

async function privateAddress(it: Rehearsal, node: string): Promise<string> {
  const { stdout } = await it.attemptOn(node, ["sh", "-c", ". /etc/berth/host.env; printf %s \"$BERTH_PRIVATE_ADDRESS\""]);
  return stdout;
}

/** Each node drops what comes from the other side, before any of its own rules. */
export async function cutOff(it: Rehearsal, node: string): Promise<void> {
  const own = await privateAddress(it, node);
  const range = own.replace(/\.\d+$/, ".0/24");
  await Promise.all(it.nodes.map(async (at) => {
    const from = at === node ? `ip saddr ${range} ip saddr != ${own}` : `ip saddr ${own}`;
    const { code, stderr } = await it.attemptOn(at, ["nft", "-f", "-"], { input: `table ${TABLE} {\n  chain from {\n    type filter hook prerouting priority -500;\n    ${from} drop\n  }\n}\n` });
    if (code !== 0) throw new Error(`cut ${node} off on ${at}: ${stderr}`);
  }));
}

/** A node that booted meanwhile has lost the rule by itself. */
export async function heal(it: Rehearsal): Promise<void> {
  await Promise.all(it.nodes.map((at) => it.attemptOn(at, ["nft", "delete", "table", ...TABLE.split(" ")])));
}
