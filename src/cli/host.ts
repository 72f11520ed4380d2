import { publicKey } from "../config/keys.ts";
import { Secret } from "../config/secret.ts";
import { DEPLOY_USER } from "../host/cloud-init.ts";
import { runOverSsh, type SshResult, type SshTarget } from "../ssh.ts";
import { sessionOverSsh, terminalOf, type Streams } from "../ssh-session.ts";
import { UsageError } from "./command.ts";
import { mustRun, runPulumi, type RunPulumi } from "./pulumi.ts";

/** Speaking to a stack's server: its address and its keys are what the stack says they are. */

/** `--stack NAME`, and what is left of the command line. Without it, the stack that `pulumi stack select` chose. */
export function takeStack(args: readonly string[]): { readonly stack: string | undefined; readonly rest: readonly string[] } {
  // Behind `--` is a command of somebody else's, with options of its own.
  const end = args.indexOf("--");
  const at = (end === -1 ? args : args.slice(0, end)).findIndex((arg) => arg === "--stack" || arg === "-s" || arg.startsWith("--stack="));
  if (at === -1) return { stack: undefined, rest: args };
  const arg = args[at] ?? "";
  const inline = arg.startsWith("--stack=");
  const stack = inline ? arg.slice("--stack=".length) : args[at + 1];
  if (stack === undefined || stack === "" || stack.startsWith("-")) throw new UsageError("--stack: required a stack's name behind it, such as prod; found none");
  return { stack, rest: [...args.slice(0, at), ...args.slice(at + (inline ? 1 : 2))] };
}

/** Address, keys and pinned host key of a stack's server. */
export async function hostOf(stack: string | undefined, run: RunPulumi = runPulumi): Promise<SshTarget> {
  const of = stack === undefined ? [] : ["--stack", stack];
  const ask = async (what: string, args: readonly string[]): Promise<string> => (await mustRun(run, what, [...args, ...of])).trim();
  // At once: each is a start of the Pulumi CLI, which takes most of a second.
  const [host, privateKey, hostKey] = await Promise.all([
    ask("finding the server's address", ["stack", "output", "address"]),
    ask("reading the deploy key", ["config", "get", "--path", "berth:secrets.deployKey"]),
    ask("reading the host key", ["config", "get", "--path", "berth:secrets.hostKey"]),
  ]);
  return { host, user: DEPLOY_USER, privateKey: `${privateKey}\n`, hostKey: publicKey(new Secret(hostKey)) };
}

/** Run `server/berth COMMAND` on the host and keep what it prints on standard output; its other words are passed on as they come. */
export function askHost(target: SshTarget, command: readonly string[], timeoutSeconds: number): Promise<SshResult> {
  return runOverSsh(target, berth(command), { timeoutSeconds, onStderr: (text) => process.stderr.write(text) });
}

function berth(command: readonly string[]): string {
  return ["sudo", "/opt/berth/scripts/current/berth", ...command].join(" ");
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
