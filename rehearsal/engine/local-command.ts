import { spawn } from "node:child_process";
import { z } from "zod";
import { capture, commandFailure } from "./capture.ts";
import { commandId, commandInputs } from "./command-basics.ts";
import { type Context, handler, type Made } from "./handler.ts";

/** How long a command has to end after an interrupt before it is killed. */
const GRACE_MS = 2_000;

const inputs = z.strictObject({
  ...commandInputs,
  dir: z.string().optional(),
  environment: z.record(z.string(), z.string()).optional(),
  interpreter: z.array(z.string()).min(1).optional(),
});
type Inputs = z.infer<typeof inputs>;

export const localCommand = handler(inputs, {
  create: (given, context) => made(given, given.create, undefined, context),
  updatable: "all",
  update: (given, before, context) => made(given, before.changed.has("triggers") ? given.create : (given.update ?? given.create), before, context),
});

async function made(given: Inputs, command: string | undefined, before: Made | undefined, context: Context): Promise<Made> {
  const id = before?.id ?? commandId(context.name);
  if (command === undefined) return { id, outputs: before?.outputs ?? { stdout: "", stderr: "" } };
  const previous = given.addPreviousOutputInEnv === false || before === undefined ? {} : previousOutputs(before);
  return { id, outputs: await run(command, given, previous, context) };
}

function previousOutputs(before: Made): Record<string, string> {
  const { stdout, stderr } = before.outputs;
  return {
    ...(typeof stdout === "string" && stdout !== "" ? { PULUMI_COMMAND_STDOUT: stdout } : {}),
    ...(typeof stderr === "string" && stderr !== "" ? { PULUMI_COMMAND_STDERR: stderr } : {}),
  };
}

async function run(command: string, given: Inputs, previous: Record<string, string>, context: Context): Promise<{ stdout: string; stderr: string }> {
  const [file = "/bin/sh", ...args] = given.interpreter ?? ["/bin/sh", "-c"];
  // A process group of its own, so that an interrupt reaches what the shell started too.
  const child = spawn(file, [...args, command], { cwd: given.dir, env: { ...process.env, ...given.environment, ...previous }, stdio: "pipe", detached: true });
  const output = capture(child, given.logging, context.say);
  const interrupt = (): void => {
    signalGroup(child.pid, "SIGTERM");
    setTimeout(() => signalGroup(child.pid, "SIGKILL"), GRACE_MS).unref();
  };
  context.signal.addEventListener("abort", interrupt, { once: true });
  try {
    const how = await new Promise<string | undefined>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(code === 0 ? undefined : code === null ? `signal: ${signal ?? "unknown"}` : `exit status ${code}`));
      // A command that does not read its standard input closes it early: not an error of ours.
      child.stdin.on("error", () => undefined);
      child.stdin.end(given.stdin ?? "");
    });
    context.signal.throwIfAborted();
    if (how !== undefined) throw commandFailure(how, command, output.both());
    return { stdout: output.stdout(), stderr: output.stderr() };
  } finally {
    context.signal.removeEventListener("abort", interrupt);
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}
