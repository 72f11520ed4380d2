import { INSIDE } from "../compose/paths.ts";
import { firstOf, type Here, serves, usesDataHere } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { redisAuth } from "../redis/auth.ts";
import { secretAddresses } from "./addresses.ts";
import type { Entry } from "./entry.ts";

/** Every secret file of a release, by who reads it. Only those with a reader on the node are among the entries. The paths tell nothing; the entries are secret. */
export interface SecretFiles {
  /** These two for Berth's own Redis; empty where Redis is a provider's. */
  readonly redisAuth: string;
  readonly redisPassword: string;
  readonly postgresPassword: string;
  /** Password at the registry; read by root for `docker login`. Null without one. */
  readonly registryPassword: string | null;
  /** Address of the alerts' webhook; read by root. Null without one. */
  readonly alertWebhook: string | null;
  /** File name under /run/secrets -> path on the host. */
  readonly app: Readonly<Record<string, string>>;
  readonly entries: readonly Entry[];
}

const ROOT = 0;

function base(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** One file per reader: Compose ignores owner and mode of its own file secrets, so each file belongs to the uid that reads it. */
export function secretFiles(config: Config, here: Here = firstOf(config)): SecretFiles {
  const { secrets } = config;
  const address = secretAddresses(secrets.hostKey.reveal());
  const entries: Entry[] = [];
  const add = (name: string, uid: number, text: string, isRead: boolean): string => {
    const path = address(name, uid, text);
    if (isRead) entries.push({ path, mode: "0400", uid, gid: uid, text });
    return path;
  };
  const application = usesDataHere(here);
  const read = { redis: serves(here, "redis"), postgres: serves(here, "postgres") };
  const redisPassword = secrets.redisPassword?.reveal();
  const redisUrl = secrets.redisUrl?.reveal();
  const postgresPassword = secrets.postgresPassword.reveal();
  // The two passwords are the verifier's too, which runs on every node as the application's user.
  const files: readonly (readonly [name: string, value: string, isRead: boolean])[] = [
    ...(redisPassword === undefined ? [] : [[base(INSIDE.redisPassword), redisPassword, application || read.redis] as const]),
    ...(redisUrl === undefined ? [] : [[base(INSIDE.redisUrl), redisUrl, application] as const]),
    [base(INSIDE.postgresPassword), postgresPassword, application || read.postgres],
    ...Object.entries(secrets.app).map(([name, value]) => [name, value.reveal(), application] as const),
  ];
  return {
    redisAuth: redisPassword === undefined ? "" : add("redis-auth.conf", config.redis.uid, redisAuth(redisPassword), read.redis),
    redisPassword: redisPassword === undefined ? "" : add("redis-password", config.redis.uid, redisPassword, read.redis),
    postgresPassword: add("postgres-password", config.postgres.uid, postgresPassword, read.postgres),
    app: Object.fromEntries(files.map(([name, value, isRead]) => [name, add(`app-${name}`, config.app.uid, value, isRead)])),
    registryPassword: secrets.registryPassword === undefined ? null : add("registry-password", ROOT, secrets.registryPassword.reveal(), true),
    alertWebhook: secrets.alertWebhook === undefined ? null : add("alert-webhook", ROOT, secrets.alertWebhook.reveal().trim(), true),
    entries,
  };
}
