import { UsageError } from "./command.ts";
import { takeNode, takeStack } from "./host.ts";
import { nodesOf, onNodes, theNode } from "./nodes.ts";

export const help = `
Goes back to the release before, by the same transaction: started, verified, marked good; its passwords are set again. Where a
release runs that only the host failed (exit code 11), back means the good one. Refused across a change of the Redis or Postgres
image, because an older one may not read what a newer one wrote. Migrations are not undone.

Pulumi does not know of it: with the same settings the next \`pulumi up\` has nothing to do, and the first one that changes
anything releases all that the configuration says. So change there what was wrong. What the release left behind needs stays on
the server for that.

options
  --stack=NAME  default: the selected stack
  --node=NAME   which node of several; each has releases of its own

Exit code: 0 verified, 10 the release is at fault, 11 the host is, 1 refused.
`;

/** Above the wait for another release and the longest that one may take (server/lock.sh: 5,520 s and 5,400 s). */
const TIMEOUT_SECONDS = 11_100;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, rest: named } = takeStack(args);
  const { node, rest } = takeNode(named);
  if (rest.length > 0) throw new UsageError(`required --stack, --node or nothing; found ${rest.join(" ")}`);
  return await onNodes([theNode(await nodesOf(stack, node), "each node goes back by itself")], ["rollback"], TIMEOUT_SECONDS);
}
