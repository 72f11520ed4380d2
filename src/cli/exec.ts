import { isService, SERVICES } from "../config/roles.ts";
import { shellWord } from "../shell.ts";
import { UsageError } from "./command.ts";
import { berth, takePlace, withHost } from "./host.ts";
import { nodesOf, nodesWith, theNode } from "./nodes.ts";

export const help = `
Runs a command in the container of a service, with this terminal when there is one and else with these streams, so that it may
stand in a pipe. What follows the service is the command, options and all; what is meant for berth stands before it.

options
  --stack=NAME   default: the selected stack
  --node=NAME    which of several with this service; default: the one with it

services: ${SERVICES.join(", ")}

examples
  berth exec api sh
  berth exec postgres psql -U app app
  berth exec redis -- sh -c \\
    'REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli INFO memory'

Exit code: the command's.
`;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, node, service, command } = execOptions(args);
  const { target } = theNode(await nodesWith(await nodesOf(stack, node), [service]), `each has a container of ${service}`);
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  return await withHost(target, remoteExec(service, command, terminal));
}

/** The one line for the host's shell. */
export function remoteExec(service: string, command: readonly string[], terminal: boolean): string {
  const options = terminal ? "--interactive --tty" : "--interactive";
  return `id=$(${berth(["container", service])}) && exec sudo docker exec ${options} "$id" ${command.map(shellWord).join(" ")}`;
}

/** Options that have a value behind them. */
const VALUED = new Set(["--stack", "-s", "--node"]);

/** @throws {UsageError} naming what is wrong */
export function execOptions(args: readonly string[]): { readonly stack: string | undefined; readonly node: string | undefined; readonly service: string; readonly command: readonly string[] } {
  const own: string[] = [];
  let service: string | undefined;
  let at = 0;
  for (; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    if (arg === "--" || (service !== undefined && !arg.startsWith("-"))) break;
    if (!arg.startsWith("-")) service = arg;
    else if (VALUED.has(arg)) own.push(arg, args[(at += 1)] ?? "");
    else own.push(arg);
  }
  const command = args.slice(args[at] === "--" ? at + 1 : at);
  const { stack, node, rest } = takePlace(own);
  if (rest.length > 0) throw new UsageError(`required --stack, --node or a service; found ${rest.join(" ")}; put -- before a command with options`);
  if (service === undefined || !isService(service)) throw new UsageError(`required one service of ${SERVICES.join(", ")}; found ${service ?? "none"}`);
  if (command.length === 0) throw new UsageError(`required a command for ${service}, such as sh; found none`);
  return { stack, node, service, command };
}
