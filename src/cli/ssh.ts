import { UsageError } from "./command.ts";
import { takePlace, withHost } from "./host.ts";
import { nodesOf, theNode } from "./nodes.ts";

export const help = `
Opens a shell on the server as the deploy user, who may use sudo; with a command it runs that in place of the shell, as ssh does:
its words are joined by blanks and read by the shell over there. The host key is the pinned one, or there is no connection.

options
  --stack=NAME   default: the selected stack
  --node=NAME    which of several servers

examples
  berth ssh
  berth ssh -- sudo journalctl -u berth -n 50
  berth ssh -- 'df -h | grep berth'

Exit code: the shell's or the command's.
`;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, node, command } = sshOptions(args);
  return await withHost(theNode(await nodesOf(stack, node), "a shell is on one server").target, command);
}

/** @throws {UsageError} naming what is wrong */
export function sshOptions(args: readonly string[]): { readonly stack: string | undefined; readonly node: string | undefined; readonly command: string | undefined } {
  const { stack, node, rest } = takePlace(args);
  const [first, ...words] = rest;
  if (first === undefined) return { stack, node, command: undefined };
  if (first !== "--" || words.length === 0) throw new UsageError(`required nothing, or -- and a command; found ${rest.join(" ")}`);
  return { stack, node, command: words.join(" ") };
}
