import { UsageError } from "./command.ts";
import { takePlace } from "./host.ts";
import { nodesOf, onNodes } from "./nodes.ts";

export const help = `
Says which release is good, which runs where that is another one, how its last verification went, and how every container is.

options
  --stack=NAME  default: the selected stack
  --node=NAME   one node of several; default: each
`;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, node, rest } = takePlace(args);
  if (rest.length > 0) throw new UsageError(`required --stack, --node or nothing; found ${rest.join(" ")}`);
  return await onNodes(await nodesOf(stack, node), ["status"], 60);
}
