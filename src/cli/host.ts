import { BERTH } from "../compose/paths.ts";
import { publicKey } from "../config/keys.ts";
import { Secret } from "../config/secret.ts";
import { DEPLOY_USER } from "../host/cloud-init.ts";
import { runOverSsh, type SshResult, type SshTarget } from "../ssh.ts";
import { sessionOverSsh, terminalOf, type Streams } from "../ssh-session.ts";
import { CommandError, UsageError } from "./command.ts";
import { mustRun, ofStack, runPulumi, type RunPulumi } from "./pulumi.ts";

/** Speaking to a stack's server: its address and its keys are what the stack says they are. */

/** `--stack NAME`, and what is left of the command line. Without it, the stack that `pulumi stack select` chose. */
export function takeStack(args: readonly string[]): { readonly stack: string | undefined; readonly rest: readonly string[] } {
  const { value, rest } = takeNamed(args, ["--stack", "-s"], "a stack's name behind it, such as prod");
  return { stack: value, rest };
}

/** `--node NAME`, and what is left of the command line. */
function takeNode(args: readonly string[]): { readonly node: string | undefined; readonly rest: readonly string[] } {
  const { value, rest } = takeNamed(args, ["--node"], "a node's name behind it, as in berth:nodes");
  return { node: value, rest };
}

/** Both, for a command that is for one node or for all. */
export function takePlace(args: readonly string[]): { readonly stack: string | undefined; readonly node: string | undefined; readonly rest: readonly string[] } {
  const { stack, rest } = takeStack(args);
  return { stack, ...takeNode(rest) };
}

/** An option with a name behind it; the first of `options` takes it by `=` too. */
function takeNamed(args: readonly string[], options: readonly [string, ...string[]], required: string): { readonly value: string | undefined; readonly rest: readonly string[] } {
  const [option] = options;
  // Behind `--` is a command of somebody else's, with options of its own.
  const end = args.indexOf("--");
  const at = (end === -1 ? args : args.slice(0, end)).findIndex((arg) => options.includes(arg) || arg.startsWith(`${option}=`));
  if (at === -1) return { value: undefined, rest: args };
  const arg = args[at] ?? "";
  const inline = arg.startsWith(`${option}=`);
  const value = inline ? arg.slice(option.length + 1) : args[at + 1];
  if (value === undefined || value === "" || value.startsWith("-")) throw new UsageError(`${option}: required ${required}; found none`);
  return { value, rest: [...args.slice(0, at), ...args.slice(at + (inline ? 1 : 2))] };
}

/** How to sign in to a stack's first server, and what the program says of the way to each. */
export interface Hosts {
  readonly first: SshTarget;
  /** Its output `ssh`: `ssh deploy@192.0.2.10`, by name where there are several. */
  readonly ways: unknown;
  /** Names of several nodes in the order in which they are released; empty where the program does not say. */
  readonly order: readonly string[];
}

/**
 * Addresses, keys and pinned host key of a stack's servers.
 * @throws {CommandError} naming what the stack has not got
 */
export async function hostsOf(stack: string | undefined, run: RunPulumi = runPulumi): Promise<Hosts> {
  const ask = async (what: string, args: readonly string[]): Promise<string> => (await mustRun(run, what, [...args, ...ofStack(stack)])).trim();
  // At once: each is a start of the Pulumi CLI, which takes most of a second.
  const [said, privateKey, hostKey] = await Promise.all([
    ask("finding the stack's servers", ["stack", "output", "--json"]),
    ask("reading the deploy key", ["config", "get", "--path", "berth:secrets.deployKey"]),
    ask("reading the host key", ["config", "get", "--path", "berth:secrets.hostKey"]),
  ]);
  const { address, ssh, verification } = JSON.parse(said) as { readonly address?: unknown; readonly ssh?: unknown; readonly verification?: unknown };
  if (typeof address !== "string") throw new CommandError("finding the stack's servers: required the output `address`; found none; `npx pulumi up` makes a server first");
  const missing = Object.entries({ deployKey: privateKey, hostKey }).flatMap(([name, value]) => (value === "" ? [`berth:secrets.${name}`] : []));
  if (missing.length > 0) throw new CommandError(`reading the stack's keys: required berth:secrets.deployKey and berth:secrets.hostKey; found no ${missing.join(" and no ")}; is Pulumi.<stack>.yaml in this checkout the one that the stack was made with?`);
  return { first: { host: address, user: DEPLOY_USER, privateKey: `${privateKey}\n`, hostKey: publicKey(new Secret(hostKey)) }, ways: ssh, order: releasedInOrder(verification) };
}

/** Pulumi gives a map back by its sorted keys. The verdicts are a text, a node a line: `main: VERIFIED …`. */
function releasedInOrder(verification: unknown): string[] {
  return typeof verification !== "string" ? [] : [...verification.matchAll(/^([a-z0-9-]+): /gm)].map(([, name = ""]) => name);
}

/** Run `server/berth COMMAND` on the host and keep what it prints on standard output; its other words are passed on as they come, by default to standard error. */
export function askHost(target: SshTarget, command: readonly string[], timeoutSeconds: number, onStderr: (text: string) => void = (text) => void process.stderr.write(text)): Promise<SshResult> {
  return runOverSsh(target, berth(command), { timeoutSeconds, onStderr });
}

/** How the program on the host is called. */
export function berth(command: readonly string[]): string {
  return ["sudo", BERTH, ...command].join(" ");
}

/** Run `server/berth COMMAND` on the host, its words passed on as they come. @returns its exit code */
export async function onHost(target: SshTarget, command: readonly string[], timeoutSeconds: number): Promise<number> {
  const { code } = await runOverSsh(target, berth(command), {
    timeoutSeconds,
    onStdout: (text) => process.stdout.write(text),
    onStderr: (text) => process.stderr.write(text),
  });
  return code;
}

/**
 * Run any command on the host with this terminal, or with these streams where there is none. Without a command: a login shell.
 * @returns its exit code; 128 and the signal's number where a signal ended it
 */
export function withHost(target: SshTarget, command: string | undefined, streams: Streams = process): Promise<number> {
  return sessionOverSsh(target, command, streams, terminalOf(streams));
}
