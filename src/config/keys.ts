import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import type { Config } from "./schema.ts";
import type { Secret } from "./secret.ts";

/** The ed25519 pair behind an OpenSSH private key, less the private half. */
export interface PublicKey {
  readonly type: "ssh-ed25519";
  /** `ssh-ed25519 AAAA…`: one line, without comment. */
  readonly line: string;
}

const HEADER = "-----BEGIN OPENSSH PRIVATE KEY-----";
const FOOTER = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC = "openssh-key-v1\0";
const DAMAGED = "a damaged OpenSSH private key";

/** Read an OpenSSH private key; a text says why it is none. Never quotes the key. */
export function readPrivateKey(text: string): PublicKey | string {
  if (!text.trimStart().startsWith(HEADER)) return `text that does not begin with ${HEADER}`;
  try {
    return opened(Buffer.from(text.trim().slice(HEADER.length).split(FOOTER)[0] ?? "", "base64"));
  } catch {
    // Shorter than it says it is, or no pair.
    return DAMAGED;
  }
}

/**
 * The counterpart of what generate.ts writes (OpenSSH's PROTOCOL.key). Read here, because ssh2 takes as long to load as the whole
 * configuration to be read, and an update with nothing to do signs in nowhere.
 */
function opened(bytes: Buffer): PublicKey | string {
  const file = reader(bytes);
  if (file.bytes(MAGIC.length).toString("latin1") !== MAGIC) return DAMAGED;
  const cipher = file.field().toString();
  file.field(); // how the passphrase becomes a key
  file.field(); // and with what salt
  if (cipher !== "none") return "a key under a passphrase";
  if (file.number() !== 1) return "a file with several keys";
  const blob = file.field();
  const pair = reader(file.field());
  const shown = reader(blob);
  const type = shown.field().toString();
  if (type !== "ssh-ed25519") return `a key of type ${type}`;
  const publicHalf = shown.field();
  const whole = pair.number() === pair.number() && pair.field().toString() === type && pair.field().equals(publicHalf);
  const seed = pair.field().subarray(0, 32);
  return whole && publicHalfOf(seed, publicHalf).equals(publicHalf) ? { type, line: `${type} ${blob.toString("base64")}` } : DAMAGED;
}

function publicHalfOf(seed: Buffer, claimed: Buffer): Buffer {
  const key = createPrivateKey({ key: { kty: "OKP", crv: "Ed25519", d: seed.toString("base64url"), x: claimed.toString("base64url") }, format: "jwk" });
  return Buffer.from(createPublicKey(key).export({ format: "jwk" }).x ?? "", "base64url");
}

/** What SSH writes one after the other: numbers of four bytes, and fields with their length before them. @throws {RangeError} beyond the end */
function reader(from: Buffer): { readonly bytes: (length: number) => Buffer; readonly number: () => number; readonly field: () => Buffer } {
  let at = 0;
  const bytes = (length: number): Buffer => {
    if (at + length > from.length) throw new RangeError(`${length} bytes are required, found ${from.length - at}`);
    at += length;
    return from.subarray(at - length, at);
  };
  const number = (): number => bytes(4).readUInt32BE();
  return { bytes, number, field: () => bytes(number()) };
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
