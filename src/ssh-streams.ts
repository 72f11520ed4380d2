import type { Client, ClientChannel } from "ssh2";
import { exitCode, signingIn, type SshResult, type SshTarget } from "./ssh.ts";
import { messageOf } from "./verify/words.ts";

/** Connections that outlive one command, one through another, and a stream from the one to the other. */

/**
 * Sign in. With `via`, through that connection: to a node that only others of its private network need reach.
 * @throws {Unreachable} when the host cannot be reached within `readyMs`, or shows another key than the pinned one
 */
export async function dial(target: SshTarget, { via, readyMs }: { readonly via?: Client; readonly readyMs: number }): Promise<Client> {
  const sock = via === undefined ? undefined : await forwarded(via, target, readyMs);
  const signIn = signingIn(target, readyMs / 1000);
  const ssh2 = await import("ssh2");
  return await new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.once("ready", () => resolve(client));
    client.on("error", (error) => reject(signIn.failure(error)));
    client.connect({ ...signIn.config, ...(sock === undefined ? {} : { sock }) });
  });
}

function forwarded(via: Client, target: SshTarget, readyMs: number): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    // The other end tries for two minutes before it says that nobody answers.
    const late = setTimeout(() => reject(new Error(`reach ${target.host} over the private network: no answer within ${readyMs / 1000} s`)), readyMs);
    via.forwardOut("127.0.0.1", 0, target.host, target.port ?? 22, (error, channel) => {
      clearTimeout(late);
      if (error === undefined) resolve(channel);
      else reject(new Error(`reach ${target.host} over the private network: ${error.message}`));
    });
  });
}

function open(client: Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
}

/**
 * What a channel says on standard error, and its exit code once it is over.
 * @throws {Error} when the connection was lost before
 */
function ending(channel: ClientChannel): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve, reject) => {
    let stderr = "";
    // By whole characters: a piece may end within one.
    channel.stderr.setEncoding("utf8");
    channel.stderr.on("data", (text: string) => { stderr += text; });
    channel.on("close", (...end: readonly unknown[]) => {
      const code = exitCode(end);
      if (code === undefined) reject(new Error("the connection was lost before the command ended"));
      else resolve({ code, stderr });
    });
  });
}

/** Run a command on a connection that stays open. */
export async function runOn(client: Client, command: string): Promise<SshResult> {
  const channel = await open(client, command);
  let stdout = "";
  channel.setEncoding("utf8");
  channel.on("data", (text: string) => { stdout += text; });
  const over = ending(channel);
  channel.end();
  const ended = await over;
  return { stdout, ...ended };
}

/**
 * One command's standard output into another's standard input, byte for byte. Whichever ends early takes the other with it: a source that nobody reads
 * would wait for ever.
 * @throws {Error} with what the first of them that failed said
 */
export async function stream(from: { client: Client; command: string }, to: { client: Client; command: string }): Promise<void> {
  const [source, sink] = [await open(from.client, from.command), await open(to.client, to.command)];
  const failures: string[] = [];
  const over = async (channel: ClientChannel, command: string): Promise<void> => {
    const found = await ending(channel).then(({ code, stderr }) => (code === 0 ? undefined : `${code}: ${stderr.trim() || "nothing said"}`), messageOf);
    if (found !== undefined) failures.push(`${command}: exit 0 is required, found ${found}`);
  };
  const ended = Promise.all([over(source, from.command).finally(() => sink.end()), over(sink, to.command).finally(() => source.close())]);
  sink.resume();
  source.pipe(sink);
  await ended;
  if (failures[0] !== undefined) throw new Error(failures[0]);
}
