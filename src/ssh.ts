import { constants } from "node:os";
import type { ConnectConfig } from "ssh2";

/** Where and as whom to sign in. The host key is required: a connection that is not pinned is not made. */
export interface SshTarget {
  readonly host: string;
  readonly port?: number;
  readonly user: string;
  /** OpenSSH private key. */
  readonly privateKey: string;
  /** The host's public key as `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
}

export interface SshResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SshOptions {
  readonly stdin?: string;
  /** Bound on the whole call, in seconds. */
  readonly timeoutSeconds?: number;
  readonly onStdout?: (text: string) => void;
  readonly onStderr?: (text: string) => void;
}

/** Nobody answered, not as the pinned host, or not in time: only of the last may anything have been run. The message says who and why. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/**
 * Run one command on the host and give back what it said, whatever its exit code.
 * @throws {Unreachable} when the host cannot be reached, shows another key than the pinned one, or does not answer within `timeoutSeconds`
 */
export async function runOverSsh(target: SshTarget, command: string, options: SshOptions = {}): Promise<SshResult> {
  const { timeoutSeconds = 120 } = options;
  // Here, as in all that signs in: a program that has nothing to do loads none of it.
  const { Client } = await import("ssh2");
  return await new Promise((resolve, reject) => {
    const client = new Client();
    const signIn = signingIn(target, Math.min(timeoutSeconds, 20));
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      client.end();
      finish();
    };
    const timer = setTimeout(() => {
      client.destroy();
      settle(() => reject(new Unreachable(`run on ${target.host}: an answer within ${timeoutSeconds} s is required, none came: ${command}`)));
    }, timeoutSeconds * 1000);
    client.on("error", (error) => settle(() => reject(signIn.failure(error))));
    client.on("ready", () => {
      client.exec(command, (error, channel) => {
        if (error !== undefined) return settle(() => reject(error));
        const chunks = { stdout: "", stderr: "" };
        // By whole characters: a piece may end within one.
        channel.setEncoding("utf8");
        channel.stderr.setEncoding("utf8");
        channel.on("data", (text: string) => {
          chunks.stdout += text;
          options.onStdout?.(text);
        });
        channel.stderr.on("data", (text: string) => {
          chunks.stderr += text;
          options.onStderr?.(text);
        });
        channel.on("close", (...ending: readonly unknown[]) => {
          const code = exitCode(ending);
          settle(() => (code === undefined ? reject(lost(target.host)) : resolve({ code, ...chunks })));
        });
        channel.end(options.stdin ?? "");
      });
    });
    client.connect(signIn.config);
  });
}

/**
 * What ssh2 says of a command's end: the code; or null and the signal's name (`SIGTERM`), of which a shell makes 128 and its number; or nothing, when the
 * connection was lost before.
 */
export function exitCode([code, signal]: readonly unknown[]): number | undefined {
  if (typeof code === "number") return code;
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  return typeof signal === "string" ? 128 + (number ?? 0) : undefined;
}

/** The connection ended, the command perhaps not: a release, and a way back, go on without it. */
export function lost(host: string): Unreachable {
  return new Unreachable(`session on ${host}: the connection was lost before the command ended, which may go on there; look at: berth status`);
}

/** How to sign in, and what a failure of it means. */
export interface SigningIn {
  readonly config: ConnectConfig;
  readonly failure: (error: Error) => Error;
}

/** By the key, and to the pinned host alone. @param seconds bound on the whole of it */
export function signingIn(target: SshTarget, seconds: number): SigningIn {
  const pinned = Buffer.from(target.hostKey.trim().split(/\s+/)[1] ?? "", "base64");
  let refusedKey: string | undefined;
  return {
    failure: (error) => new Unreachable(refusedKey === undefined
      ? `connect to ${target.user}@${target.host}: ${error.message}`
      : `connect to ${target.host}: the pinned host key is required, found another (${refusedKey}). ` +
        "Either this is not the server (`npx pulumi stack output address`), or it was given another key: docs/configuration.md, \"Another host key\"."),
    config: {
      host: target.host,
      port: target.port ?? 22,
      username: target.user,
      privateKey: target.privateKey,
      readyTimeout: seconds * 1000,
      keepaliveInterval: 15_000,
      // Ask for the kind of key that is pinned, so that the server does not offer another of its keys.
      algorithms: { serverHostKey: ["ssh-ed25519"] },
      hostVerifier: (key: Buffer): boolean => {
        if (key.equals(pinned)) return true;
        refusedKey = key.toString("base64").slice(0, 40);
        return false;
      },
    },
  };
}
