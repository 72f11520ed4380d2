import { createHash } from "node:crypto";
// The parser alone: the whole library loads twice as long, and an update with nothing to do signs in nowhere.
import keyParser from "ssh2/lib/protocol/keyParser.js";
import type { Config } from "./schema.ts";
import type { Secret } from "./secret.ts";

/** The ed25519 pair behind an OpenSSH private key, less the private half. */
export interface PublicKey {
  readonly type: "ssh-ed25519";
  /** `ssh-ed25519 AAAA…`: one line, without comment. */
  readonly line: string;
}

const HEADER = "-----BEGIN OPENSSH PRIVATE KEY-----";

/** Read an OpenSSH private key; a text says why it is none. Never quotes the key. */
export function readPrivateKey(text: string): PublicKey | string {
  if (!text.trimStart().startsWith(HEADER)) return `text that does not begin with ${HEADER}`;
  const parsed = keyParser.parseKey(text.trim());
  if (parsed instanceof Error) {
    return parsed.message.startsWith("Encrypted") ? "a key under a passphrase" : "a damaged OpenSSH private key";
  }
  // An OpenSSH file may hold several keys; ssh2 then gives a list, which its types leave out.
  const key: unknown = parsed;
  if (Array.isArray(key)) return "a file with several keys";
  if (!parsed.isPrivateKey()) return "a public key";
  if (parsed.type !== "ssh-ed25519") return `a key of type ${parsed.type}`;
  return { type: "ssh-ed25519", line: `${parsed.type} ${parsed.getPublicSSH().toString("base64")}` };
}

/**
 * The public line (`ssh-ed25519 AAAA…`) of a validated private key.
 * @throws when the secret is no such key, which a parsed `Config` rules out.
 */
export function publicKey(privateKey: Secret): string {
  const key = readPrivateKey(privateKey.reveal());
  if (typeof key === "string") throw new Error(`cannot derive a public key: required an ed25519 OpenSSH private key; found ${key}`);
  return key.line;
}

/** Public lines of every key that may deploy: the present one first, then those of a rotation that is under way. */
export function deployKeys({ secrets }: Pick<Config, "secrets">): string[] {
  return [secrets.deployKey, secrets.nextDeployKey, secrets.previousDeployKey].flatMap((key) => (key === undefined ? [] : [publicKey(key)]));
}

/** A short name for a public line: the first 8 hex digits of its SHA-256. */
export function fingerprint(line: string): string {
  return createHash("sha256").update(line).digest("hex").slice(0, 8);
}
