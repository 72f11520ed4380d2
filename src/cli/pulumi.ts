import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandError } from "./command.ts";

/** Running the Pulumi CLI. Values that are secret go in by standard input: an argument shows in every process list. */

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type RunPulumi = (args: readonly string[], stdin?: string) => Promise<Outcome>;

/** Where Pulumi.yaml is. */
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Run `pulumi` in the project: the installed one, else the package's, which fetches its release at first use. Never asks anything. */
export const runPulumi: RunPulumi = (args, stdin = "") =>
  new Promise((resolve, reject) => {
    const packaged = join(root, "node_modules", ".bin");
    const installed = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.endsWith(join("node_modules", ".bin")));
    const path = [...installed, packaged].join(delimiter);
    const env = { ...process.env, PATH: path, PULUMI_SKIP_UPDATE_CHECK: "true" };
    const child = spawn("pulumi", [...args, "--non-interactive"], { cwd: root, env, stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", (error) => reject(missing(error)));
    child.on("close", (code) => resolve({ code: code ?? 1, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }));
    // A command that reads nothing may be gone before its input is written.
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
  });

function missing(error: Error): Error {
  if (!("code" in error) || error.code !== "ENOENT") return error;
  return new CommandError("running pulumi: required the Pulumi CLI in node_modules/.bin or on PATH; found none; run `npm install`, or see https://www.pulumi.com/docs/install/");
}

/** Options that say which stack a command is for; undefined: the selected one. */
export function ofStack(stack: string | undefined): readonly string[] {
  return stack === undefined ? [] : ["--stack", stack];
}

/** Run, and turn a failure into an error that says what to do. `what` completes "… failed". */
export async function mustRun(run: RunPulumi, what: string, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await run(args, stdin);
  if (code === 0) return stdout;
  throw new CommandError(`${what}: required \`pulumi ${args.slice(0, 2).join(" ")}\` to succeed; found exit code ${code}: ${lastLines(stderr)}${advice(stderr)}`);
}

/** Pulumi's own words. It is never handed a secret but by standard input, and does not repeat that. */
function lastLines(stderr: string): string {
  return stderr.trim().split("\n").slice(-3).join(" ").trim() || "no message";
}

function advice(stderr: string): string {
  if (/passphrase/i.test(stderr)) return "; export PULUMI_CONFIG_PASSPHRASE (or PULUMI_CONFIG_PASSPHRASE_FILE), then run this again";
  if (/organization name must be/.test(stderr)) return "; a backend that is a folder or a bucket has no organisations: give the stack's name alone, such as prod";
  if (/login|PULUMI_ACCESS_TOKEN/i.test(stderr)) return "; run `npx pulumi login` (or `npx pulumi login --local` for a backend on this machine), then run this again";
  return "";
}
