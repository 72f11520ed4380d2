import { z } from "zod";
import { type SshTarget, Unreachable } from "../ssh.ts";
import { wrap } from "../verify/table.ts";
import { CommandError, UsageError } from "./command.ts";
import { askHost, hostsOf, onHost } from "./host.ts";
import { runPulumi, type RunPulumi } from "./pulumi.ts";

/** A stack on several servers: each by its name, in the order in which they are released. */
export interface NodeTarget {
  /** Undefined on a stack of one node, which needs no name. */
  readonly name: string | undefined;
  readonly target: SshTarget;
}

/** How the program says where each of several nodes is: `ssh deploy@192.0.2.10`. */
const byName = z.record(z.string(), z.string());

/**
 * Every server of a stack, or the one that is named.
 * @throws {CommandError} naming the nodes there are
 */
export async function nodesOf(stack: string | undefined, node: string | undefined, run: RunPulumi = runPulumi): Promise<NodeTarget[]> {
  const { first, ways, order } = await hostsOf(stack, run);
  const found = byName.safeParse(ways);
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const all = found.success ? Object.entries(found.data).toSorted(([a], [b]) => rank(a) - rank(b)).map(([name, way]) => ({ name, target: { ...first, host: way.slice(way.indexOf("@") + 1) } })) : [{ name: undefined, target: first }];
  if (node === undefined) return all;
  const chosen = all.filter(({ name }) => name === node);
  if (chosen.length === 0) throw new CommandError(`--node: required one of ${found.success ? Object.keys(found.data).join(", ") : "nothing, the stack has one node"}; found ${node}`);
  return chosen;
}

/** Run `server/berth COMMAND` on one node after the other, each under its name. @returns the first exit code that is not 0 */
export function onNodes(nodes: readonly NodeTarget[], command: readonly string[], timeoutSeconds: number): Promise<number> {
  return eachNode(nodes, ({ target }) => onHost(target, command, timeoutSeconds), process.stdout);
}

/**
 * Ask one node after the other, each under its name. One that does not answer, or cannot tell, is said, the others are asked all the same, and at the end those that did not answer are said again.
 * @param out where the answers go, so that the names stand among them
 * @param unanswered is told who gave no answer, and why: for a program, which reads no words of standard error
 * @returns the first exit code that is not 0; one that does not answer, or cannot tell, counts as 1
 * @throws {Unreachable | CommandError} when it is the only one
 */
export async function eachNode<N extends NodeTarget>(nodes: readonly N[], ask: (node: N) => Promise<number>, out: Out = process.stderr, unanswered: (node: N, why: string) => void = () => undefined): Promise<number> {
  const codes: number[] = [];
  const silent: string[] = [];
  for (const node of nodes) {
    sayNode(node, out);
    try {
      codes.push(await ask(node));
    } catch (error) {
      unanswered(node, sayNotAnswered(node, error));
      if (node.name !== undefined && error instanceof Unreachable) silent.push(node.name);
      codes.push(1);
    }
  }
  if (silent.length > 0 && nodes.length > 1) process.stderr.write(`\n${wrap(`${silent.length} of ${nodes.length} nodes did not answer: ${silent.join(", ")}. ${SILENT}`, 80).join("\n")}\n`);
  return firstFailure(codes);
}

const SILENT = "One that is off: power it on at Hetzner, and it comes up by itself. One that was deleted: `npx pulumi up --refresh` makes it anew, and attaches its volume.";

/**
 * Says of one node among several what of it is not known, while the others are asked.
 * @returns why
 * @throws the error itself on a stack of one node, and when it is no matter of that node alone
 */
function sayNotAnswered({ name }: NodeTarget, error: unknown): string {
  if (name === undefined || !(error instanceof Unreachable || error instanceof CommandError)) throw error;
  process.stderr.write(`berth: node ${name}${error instanceof Unreachable ? " does not answer" : ""}: ${error.message}\n`);
  return error.message;
}

/** A line of JSON about a node, with its name where the stack has several: whose it is must be in the line itself. */
export function nodeLine(name: string | undefined, value: object): string {
  return `${JSON.stringify(name === undefined ? value : { node: name, ...value })}\n`;
}

/** Standard output or standard error. */
type Out = Pick<NodeJS.WriteStream, "write">;

/** A heading above what comes of one node of several. */
function sayNode({ name }: NodeTarget, out: Out): void {
  if (name !== undefined) out.write(`\n== ${name}\n`);
}

/** The first exit code that is not 0. */
function firstFailure(codes: readonly number[]): number {
  return codes.find((code) => code !== 0) ?? 0;
}

/**
 * The one node that a command is for.
 * @param why why it cannot be for several, such as "a shell is on one server"
 * @throws {UsageError} naming those that may be meant
 */
export function theNode(nodes: readonly NodeTarget[], why: string): NodeTarget {
  const [only, ...more] = nodes;
  if (only !== undefined && more.length === 0) return only;
  throw new UsageError(`--node: required one of ${nodes.map(({ name }) => name).join(", ")}: ${why}; found none`);
}

/** Whether a service has a container on a host, running or not. */
async function hasService(target: SshTarget, service: string): Promise<boolean> {
  return (await askHost(target, ["container", service], SECONDS_TO_LOOK, () => undefined)).code === 0;
}

const SECONDS_TO_LOOK = 60;

/**
 * The nodes that have a container of one of the services, each with those that it has: the hosts are asked, because `nodes` may say by
 * now what no update has carried out yet. A stack of one node, and one that was named, is taken at its word.
 * @param unanswered is called for each that did not say what it has, once that was said
 * @throws {CommandError} when no node has any
 */
export async function nodesWith<S extends string>(nodes: readonly NodeTarget[], services: readonly S[], { has = hasService, unanswered = () => undefined }: { readonly has?: typeof hasService; readonly unanswered?: () => void } = {}): Promise<(NodeTarget & { readonly services: readonly S[] })[]> {
  if (nodes.length === 1) return nodes.map((node) => ({ ...node, services }));
  const looked = await Promise.all(nodes.map(async (node) => {
    try {
      const there = await Promise.all(services.map((service) => has(node.target, service)));
      return { ...node, services: services.filter((_, index) => there[index]) };
    } catch (error) {
      sayNotAnswered(node, error);
      unanswered();
      return { ...node, services: [] };
    }
  }));
  const found = looked.filter((node) => node.services.length > 0);
  if (found.length > 0 || services.length === 0) return services.length === 0 ? looked : found;
  throw new CommandError(`finding ${services.join(", ")}: required a container on one of ${nodes.map(({ name }) => name).join(", ")}; found none. Look at: berth status`);
}
