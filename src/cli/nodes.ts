import { z } from "zod";
import type { SshTarget } from "../ssh.ts";
import { CommandError, UsageError } from "./command.ts";
import { hostOf, onHost } from "./host.ts";
import { mustRun, runPulumi, type RunPulumi } from "./pulumi.ts";

/** A stack on several servers: each by its name, in the order in which they are released. */
export interface NodeTarget {
  /** Undefined on a stack of one node, which needs no name. */
  readonly name: string | undefined;
  readonly target: SshTarget;
}

/** `--node NAME`, and what is left of the command line. */
export function takeNode(args: readonly string[]): { readonly node: string | undefined; readonly rest: readonly string[] } {
  const at = args.findIndex((arg) => arg === "--node" || arg.startsWith("--node="));
  if (at === -1) return { node: undefined, rest: args };
  const arg = args[at] ?? "";
  const inline = arg.startsWith("--node=");
  const node = inline ? arg.slice("--node=".length) : args[at + 1];
  if (node === undefined || node === "" || node.startsWith("-")) throw new UsageError("--node: required a node's name behind it, as in berth:nodes; found none");
  return { node, rest: [...args.slice(0, at), ...args.slice(at + (inline ? 1 : 2))] };
}

/** How the program says where each node is: `ssh deploy@192.0.2.10`, by name where there are several. */
const ways = z.record(z.string(), z.string());

/**
 * Every server of a stack, or the one that is named.
 * @throws {CommandError} naming the nodes there are
 */
export async function nodesOf(stack: string | undefined, node: string | undefined, run: RunPulumi = runPulumi): Promise<NodeTarget[]> {
  const first = await hostOf(stack, run);
  const said: unknown = JSON.parse(await mustRun(run, "finding the stack's nodes", ["stack", "output", "--json", ...(stack === undefined ? [] : ["--stack", stack])]));
  const found = ways.safeParse(typeof said === "object" && said !== null ? Reflect.get(said, "ssh") : undefined);
  const all = found.success ? Object.entries(found.data).map(([name, way]) => ({ name, target: { ...first, host: way.slice(way.indexOf("@") + 1) } })) : [{ name: undefined, target: first }];
  if (node === undefined) return all;
  const chosen = all.filter(({ name }) => name === node);
  if (chosen.length === 0) throw new CommandError(`--node: required one of ${found.success ? Object.keys(found.data).join(", ") : "nothing, the stack has one node"}; found ${node}`);
  return chosen;
}

/** Run `server/berth COMMAND` on one node after the other, each under its name. @returns the first exit code that is not 0 */
export async function onNodes(nodes: readonly NodeTarget[], command: readonly string[], timeoutSeconds: number): Promise<number> {
  const codes: number[] = [];
  for (const { name, target } of nodes) {
    if (name !== undefined) process.stderr.write(`\n== ${name}\n`);
    codes.push(await onHost(target, command, timeoutSeconds));
  }
  return codes.find((code) => code !== 0) ?? 0;
}
