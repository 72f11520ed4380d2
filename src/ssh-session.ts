import { Client, type ClientChannel, type PseudoTtyOptions } from "ssh2";
import { exitCode, lost, signingIn, type SshTarget } from "./ssh.ts";

/** A session like `ssh`'s own: this process's streams, and its terminal where it has one. */

export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** A terminal that a person types into and reads. */
export interface Terminal {
  readonly name: string;
  readonly size: () => { readonly rows: number; readonly columns: number };
  /** Whether keys go to the other side one by one, unread by this one. */
  readonly raw: (on: boolean) => void;
  readonly onResize: (changed: () => void) => void;
}

/** The terminal of these streams; undefined when either end is a file or a pipe. */
export function terminalOf({ stdin, stdout }: Streams): Terminal | undefined {
  if (!stdin.isTTY || !stdout.isTTY) return undefined;
  return {
    name: process.env["TERM"] ?? "xterm",
    size: () => ({ rows: stdout.rows, columns: stdout.columns }),
    raw: (on) => void stdin.setRawMode(on),
    onResize: (changed) => void stdout.on("resize", changed),
  };
}

/** Long enough for a server that is short of everything. */
const SIGN_IN_SECONDS = 20;

/**
 * Run a command, or a login shell without one, until it ends.
 * @returns its exit code; 128 and the signal's number where a signal ended it
 * @throws {Unreachable} when the host cannot be reached, shows another key than the pinned one, or is lost
 */
export function sessionOverSsh(target: SshTarget, command: string | undefined, streams: Streams, terminal?: Terminal): Promise<number> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    const signIn = signingIn(target, SIGN_IN_SECONDS);
    let code: number | undefined;
    const finish = (end: () => void): void => {
      terminal?.raw(false);
      streams.stdin.unpipe();
      streams.stdin.pause();
      // An open pipe would keep this process when the other side has ended. A file, such as /dev/null, keeps nothing and has no such method.
      if ("unref" in streams.stdin) streams.stdin.unref();
      client.end();
      end();
    };
    const begun = (error: Error | undefined, channel: ClientChannel): void => {
      if (error !== undefined) return finish(() => reject(error));
      channel.on("exit", (...ending: readonly unknown[]) => {
        code = exitCode(ending);
      });
      channel.on("close", () => finish(() => (code === undefined ? reject(lost(target.host)) : resolve(code))));
      channel.pipe(streams.stdout, { end: false });
      channel.stderr.pipe(streams.stderr, { end: false });
      terminal?.raw(true);
      terminal?.onResize(() => channel.setWindow(terminal.size().rows, terminal.size().columns, 0, 0));
      streams.stdin.pipe(channel);
    };
    client.on("error", (error) => finish(() => reject(signIn.failure(error))));
    client.on("ready", () => {
      const pty = pseudoTerminal(terminal);
      if (command === undefined) client.shell(pty ?? false, begun);
      else client.exec(command, pty === undefined ? {} : { pty }, begun);
    });
    client.connect(signIn.config);
  });
}

function pseudoTerminal(terminal: Terminal | undefined): PseudoTtyOptions | undefined {
  if (terminal === undefined) return undefined;
  const { rows, columns } = terminal.size();
  return { term: terminal.name, rows, cols: columns };
}
