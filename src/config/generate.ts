import { randomBytes } from "node:crypto";
import ssh2 from "ssh2";

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

function privateKey(comment: string): string {
  return ssh2.utils.generateKeyPairSync("ed25519", { comment }).private;
}
