import { UsageError } from "./command.ts";
import { takeStack } from "./host.ts";
import { nodesOf, onNodes, takeNode } from "./nodes.ts";

export const help = `
Makes the release before the good one the good one, by the same transaction: started, verified, marked. Refused across
a change of the Redis or Postgres image, because an older one may not read what a newer one wrote. Migrations are not undone.
The next \`pulumi up\` brings back what the configuration says: change it, too.

options
  --stack=NAME  default: the selected stack
  --node=NAME   which node of several; each has releases of its own

Exit code: 0 verified, 10 the release is at fault, 11 the host is, 1 refused.
`;

/** A transaction's own bounds add up to less: fetch, start, settle, verify. */
const TIMEOUT_SECONDS = 3_600;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, rest: named } = takeStack(args);
  const { node, rest } = takeNode(named);
  if (rest.length > 0) throw new UsageError(`required --stack, --node or nothing; found ${rest.join(" ")}`);
  const nodes = await nodesOf(stack, node);
  if (nodes.length > 1) throw new UsageError(`--node: required one of ${nodes.map(({ name }) => name).join(", ")}: each node goes back by itself; found none`);
  return await onNodes(nodes, ["rollback"], TIMEOUT_SECONDS);
}
