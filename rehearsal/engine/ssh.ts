import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ConnectConfig } from "ssh2";
import { z } from "zod";

/** Back-off of the provider's dialling: 100 ms, times 1.5, at most 5 s. */
const FIRST_PAUSE_MS = 100;
const PAUSE_FACTOR = 1.5;
const LONGEST_PAUSE_MS = 5_000;
/** The provider's defaults. */
const DIAL_ERROR_LIMIT = 10;
const PER_DIAL_TIMEOUT_S = 15;

/** Strict: the provider prints the private key when it meets a field it does not know. */
export const connectionSchema = z.strictObject({
  host: z.string(),
  port: z.number().optional(),
  user: z.string().optional(),
  privateKey: z.string().optional(),
  privateKeyPassword: z.string().optional(),
  password: z.string().optional(),
  hostKey: z.string().optional(),
  dialErrorLimit: z.number().optional(),
  perDialTimeout: z.number().optional(),
});
export type Connection = z.infer<typeof connectionSchema>;

/** The server answered with a key that is not the pinned one. Dialling again cannot help. */
export class HostKeyMismatch extends Error {}

/**
 * Connect as pulumi-command does: try again with its back-off until `dialErrorLimit` dials have failed (-1: for ever). A
 * host key that is not the pinned one ends it at once; the provider would go on dialling to the limit.
 * @throws {HostKeyMismatch} when the host's key is another one, or of another kind
 */
export async function dial(connection: Connection, options: { signal: AbortSignal; say: (line: string) => void }): Promise<Client> {
  const limit = connection.dialErrorLimit ?? DIAL_ERROR_LIMIT;
  for (let failed = 0, pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * PAUSE_FACTOR, LONGEST_PAUSE_MS)) {
    options.signal.throwIfAborted();
    try {
      return await dialOnce(connection, options.signal);
    } catch (error) {
      if (error instanceof HostKeyMismatch || options.signal.aborted) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (limit >= 0 && failed + 1 > limit) throw new Error(`after ${failed} failed attempts: dial ${connection.host}:${connection.port ?? 22}: ${reason}`, { cause: error });
      failed += 1;
      // One line for each would drown the rest: a first boot takes dozens.
      if (failed === 1 || failed % 10 === 0) options.say(`dial ${failed}/${limit < 0 ? "inf" : limit} failed: ${reason}; retrying`);
      await sleep(pause, undefined, { signal: options.signal });
    }
  }
}

function dialOnce(connection: Connection, signal: AbortSignal): Promise<Client> {
  const pin = connection.hostKey === undefined ? undefined : parseKey(connection.hostKey);
  const client = new Client();
  let mismatch: HostKeyMismatch | undefined;
  const config: ConnectConfig = {
    host: connection.host,
    port: connection.port ?? 22,
    username: connection.user ?? "root",
    readyTimeout: (connection.perDialTimeout ?? PER_DIAL_TIMEOUT_S) * 1000,
    // The provider has no keepalive and hangs for ever on a dead connection; a minute of silence is enough here.
    keepaliveInterval: 10_000,
    keepaliveCountMax: 6,
    ...(connection.privateKey === undefined ? {} : { privateKey: connection.privateKey }),
    ...(connection.privateKeyPassword === undefined ? {} : { passphrase: connection.privateKeyPassword }),
    ...(connection.password === undefined ? {} : { password: connection.password }),
    ...(pin === undefined ? {} : {
      algorithms: { serverHostKey: pin.signatures },
      hostVerifier: (key: Buffer) => {
        if (key.equals(pin.blob)) return true;
        mismatch = mismatched(connection, `found ${key.toString("base64")}`);
        return false;
      },
    }),
  };
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      client.destroy();
      reject(new Error("interrupted"));
    };
    signal.addEventListener("abort", abort, { once: true });
    client.on("ready", () => {
      signal.removeEventListener("abort", abort);
      resolve(client);
    });
    client.on("error", (error) => {
      signal.removeEventListener("abort", abort);
      const noSuchKey = pin !== undefined && /no matching.*host key/i.test(error.message);
      reject(mismatch ?? (noSuchKey ? mismatched(connection, "the host has no key of that kind") : error));
    });
    client.connect(config);
  });
}

function mismatched(connection: Connection, found: string): HostKeyMismatch {
  return new HostKeyMismatch(
    `the host key of ${connection.host}:${connection.port ?? 22} is not the pinned one: required ${connection.hostKey?.trim() ?? ""}, ${found}. ` +
    "Either another machine answers at this address, or the server was made with another host key: do not go on before you know which",
  );
}

/** An authorized_keys line: algorithm, then the blob in base64. */
function parseKey(line: string): { readonly blob: Buffer; readonly signatures: ("ssh-ed25519" | "rsa-sha2-512" | "rsa-sha2-256" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521")[] } {
  const [algorithm = "", blob = ""] = line.trim().split(/\s+/);
  const bytes = Buffer.from(blob, "base64");
  switch (algorithm) {
    case "ssh-rsa":
      return { blob: bytes, signatures: ["rsa-sha2-512", "rsa-sha2-256"] };
    case "ssh-ed25519":
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
      return { blob: bytes, signatures: [algorithm] };
    default:
      throw new HostKeyMismatch(`failed to parse host key: an ed25519, RSA or ECDSA public key is required, found '${algorithm}'`);
  }
}
