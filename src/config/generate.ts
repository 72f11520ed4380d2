import { generateKeyPairSync, randomBytes } from "node:crypto";

/** What a stack must have and no person should choose. Field names are those under `berth:secrets`. */
export interface GeneratedSecrets {
  readonly redisPassword: string;
  readonly postgresPassword: string;
  readonly deployKey: string;
  readonly hostKey: string;
}

export type GeneratedName = keyof GeneratedSecrets;

/** One maker per secret, so that one can be rotated without the others. */
export const secretMakers: Readonly<Record<GeneratedName, () => string>> = {
  redisPassword: password,
  postgresPassword: password,
  deployKey: () => privateKey("berth-deploy"),
  hostKey: () => privateKey("berth-host"),
};

/** Fresh secrets for one stack: two passwords and two ed25519 keys in OpenSSH's format. */
export function generateSecrets(): GeneratedSecrets {
  return {
    redisPassword: secretMakers.redisPassword(),
    postgresPassword: secretMakers.postgresPassword(),
    deployKey: secretMakers.deployKey(),
    hostKey: secretMakers.hostKey(),
  };
}

/** 256 bits, in letters, digits, `-` and `_`: nothing that redis.conf, a URL or a shell reads as syntax. */
function password(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * An ed25519 key in OpenSSH's own format (PROTOCOL.key), unencrypted. Encoded here: ssh2's generator drops leading zero
 * bytes, and OpenSSH refused 2 of 150 of its keys.
 */
function privateKey(comment: string): string {
  const { x = "", d = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const [publicHalf, seed] = [Buffer.from(x, "base64url"), Buffer.from(d, "base64url")];
  const field = (value: Buffer | string): Buffer => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const check = randomBytes(4);
  const inner = Buffer.concat([check, check, field("ssh-ed25519"), field(publicHalf), field(Buffer.concat([seed, publicHalf])), field(comment)]);
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, index) => index + 1));
  const outer = Buffer.concat([
    Buffer.from("openssh-key-v1\0"), field("none"), field("none"), field(""), Buffer.from([0, 0, 0, 1]),
    field(Buffer.concat([field("ssh-ed25519"), field(publicHalf)])), field(Buffer.concat([inner, padding])),
  ]);
  const lines = outer.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}
