import type { Client, ClientChannel } from "ssh2";
import { z } from "zod";
import { capture, commandFailure } from "./capture.ts";
import { type Context, handler, type Made } from "./handler.ts";
import { commandId, commandInputs } from "./command-basics.ts";
import { type Connection, connectionSchema, dial } from "./ssh.ts";

/** Strict: `environment` would need the server's AcceptEnv, and a silently dropped input would be a lie. */
const inputs = z.strictObject({
  connection: connectionSchema,
  ...commandInputs,
});
type Inputs = z.infer<typeof inputs>;

export const remoteCommand = handler(inputs, {
  create: (given, context) => made(given, given.create, undefined, context),
  updatable: "all",
  // A changed trigger replaces, which runs `create`; any other change runs `update`, or `create` without one.
  update: (given, before, context) => made(given, before.changed.has("triggers") ? given.create : (given.update ?? given.create), before, context),
});

async function made(given: Inputs, command: string | undefined, before: Made | undefined, context: Context): Promise<Made> {
  const id = before?.id ?? commandId(context.name);
  if (command === undefined) return { id, outputs: before?.outputs ?? { stdout: "", stderr: "" } };
  return { id, outputs: await run(given.connection, command, given, context) };
}

async function run(connection: Connection, command: string, given: Inputs, context: Context): Promise<{ stdout: string; stderr: string }> {
  const client = await dial(connection, context);
  context.counters.sshConnections += 1;
  const close = (): void => {
    client.destroy();
  };
  context.signal.addEventListener("abort", close, { once: true });
  try {
    const channel = await open(client, command);
    const output = capture({ stdout: channel, stderr: channel.stderr }, given.logging, context.say);
    const exit = exitOf(client, channel);
    // Without standard input the provider sends an end of file at once.
    channel.end(given.stdin ?? "");
    const how = await exit;
    context.signal.throwIfAborted();
    if (how !== undefined) throw commandFailure(how, command, output.both());
    return { stdout: output.stdout(), stderr: output.stderr() };
  } finally {
    context.signal.removeEventListener("abort", close);
    client.end();
  }
}

function open(client: Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error === undefined) resolve(channel);
      else reject(error);
    });
  });
}

/** Undefined for exit code 0, else Go's words for how it ended. Never rejects: a lost connection is an ending too. */
function exitOf(client: Client, channel: ClientChannel): Promise<string | undefined> {
  return new Promise((resolve) => {
    let how: string | undefined = "wait: remote command exited without exit status or exit signal";
    channel.on("exit", (code: number | null, signal?: string) => {
      how = code === 0 ? undefined : code === null ? `Process exited with signal ${signal ?? "unknown"}` : `Process exited with status ${code}`;
    });
    channel.on("close", () => resolve(how));
    channel.on("error", (error: Error) => {
      how = error.message;
    });
    client.on("error", (error) => {
      how = `the connection was lost: ${error.message}`;
    });
    client.on("close", () => resolve(how));
  });
}
