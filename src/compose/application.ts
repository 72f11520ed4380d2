import { isManaged } from "../config/managed.ts";
import { OVERRIDABLE } from "../config/rules-application.ts";
import type { Config } from "../config/schema.ts";
import type { BindMount } from "./model.ts";
import { readOnly } from "./parts.ts";
import { INSIDE, POSTGRES_PORT, REDIS_PORT, type Sources } from "./paths.ts";

/** What the processes of the application have in common. The contract is in docs/architecture.md. */

export type ProcessName = "api" | "worker" | "migrate";

export const REDIS_URL = `redis://redis:${REDIS_PORT}`;

/** The address of the API inside the Compose network. */
export function apiUrl(config: Config): string {
  return `http://api:${config.app.port}`;
}

/**
 * Environment of one process. Berth's own names win over `app.env`, but for the addresses that a deployer may override: an
 * application pointed elsewhere is then found out by the verification, which stays where it is.
 */
export function environment(config: Config, process: ProcessName): Record<string, string> {
  const { database, user } = config.postgres;
  const secretFiles: Record<string, string> = Object.fromEntries(Object.keys(config.secrets.app).map((name) => [`${name}_FILE`, `/run/secrets/${name}`]));
  return {
    ...config.app.env,
    ...secretFiles,
    NODE_ENV: "production",
    BERTH_PROCESS: process,
    BERTH_STARTUP_SECONDS: String(config.app.startupSeconds),
    PORT: String(config.app.port),
    ...redisEnvironment(config),
    DATABASE_URL: `postgres://${user}@postgres:${POSTGRES_PORT}/${database}`,
    DATABASE_PASSWORD_FILE: INSIDE.postgresPassword,
    ...(config.api.processes ? { API_PROCESSES: "true" } : {}),
    ...Object.fromEntries(Object.entries(config.app.env).filter(([name]) => OVERRIDABLE.has(name))),
  };
}

/** Of Berth's own Redis the address may be read by anyone; a managed one's URL holds the password, and is a file. */
function redisEnvironment(config: Config): Record<string, string> {
  if (!isManaged(config)) return { REDIS_URL, REDIS_PASSWORD_FILE: INSIDE.redisPassword };
  const { caCertificate, serverName } = config.redis.managed;
  return {
    REDIS_URL_FILE: INSIDE.redisUrl,
    ...(caCertificate === undefined ? {} : { REDIS_CA_FILE: INSIDE.redisCa }),
    ...(serverName === undefined ? {} : { REDIS_SERVER_NAME: serverName }),
  };
}

/** What the application reads: every secret, each a file of its own under /run/secrets, and a managed Redis's authority. */
export function applicationMounts(sources: Sources): BindMount[] {
  return [...Object.entries(sources.app).map(([name, path]) => readOnly(path, `/run/secrets/${name}`)), ...authorityMount(sources)];
}

export function authorityMount({ redisCa }: Sources): BindMount[] {
  return redisCa === null ? [] : [readOnly(redisCa, INSIDE.redisCa)];
}
