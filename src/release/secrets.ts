import { INSIDE } from "../compose/paths.ts";
import type { Config } from "../config/schema.ts";
import { redisAuth } from "../redis/auth.ts";
import { secretAddresses } from "./addresses.ts";
import type { Entry } from "./entry.ts";

/** Every secret file of a release, by who reads it. The paths tell nothing; the entries are secret. */
export interface SecretFiles {
  readonly redisAuth: string;
  readonly redisPassword: string;
  readonly postgresPassword: string;
  /** Password at the registry; read by root for `docker login`. Null without one. */
  readonly registryPassword: string | null;
  /** File name under /run/secrets -> path on the host. */
  readonly app: Readonly<Record<string, string>>;
  readonly entries: readonly Entry[];
}

const ROOT = 0;

function base(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** One file per reader: Compose ignores owner and mode of its own file secrets, so each file belongs to the uid that reads it. */
export function secretFiles(config: Config): SecretFiles {
  const { secrets } = config;
  const address = secretAddresses(secrets.hostKey.reveal());
  const entries: Entry[] = [];
  const add = (name: string, uid: number, text: string): string => {
    const path = address(name, uid, text);
    entries.push({ path, mode: "0400", uid, gid: uid, text });
    return path;
  };
  const redisPassword = secrets.redisPassword.reveal();
  const postgresPassword = secrets.postgresPassword.reveal();
  const application: Record<string, string> = {
    [base(INSIDE.redisPassword)]: redisPassword,
    [base(INSIDE.postgresPassword)]: postgresPassword,
    ...Object.fromEntries(Object.entries(secrets.app).map(([name, value]) => [name, value.reveal()])),
  };
  return {
    redisAuth: add("redis-auth.conf", config.redis.uid, redisAuth(redisPassword)),
    redisPassword: add("redis-password", config.redis.uid, redisPassword),
    postgresPassword: add("postgres-password", config.postgres.uid, postgresPassword),
    app: Object.fromEntries(Object.entries(application).map(([name, value]) => [name, add(`app-${name}`, config.app.uid, value)])),
    registryPassword: secrets.registryPassword === undefined ? null : add("registry-password", ROOT, secrets.registryPassword.reveal()),
    entries,
  };
}
