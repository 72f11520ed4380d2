import { configSchema, type Config, type ConfigInput } from "../../src/config/schema.ts";
import type { Sources } from "../../src/compose/paths.ts";

type Deep<T> = { [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : T[K] extends object | undefined ? Deep<T[K]> : T[K] };

const base = {
  server: { type: "cx33" },
  ssh: { sources: ["203.0.113.7/32"] },
  app: { image: "ghcr.io/example/app:1.4.2", queues: ["file", "email"] },
  secrets: { redisPassword: "redis-pass", postgresPassword: "postgres-pass", deployKey: "deploy", hostKey: "host" },
} satisfies ConfigInput;

/** A stack for the renderers, which look at no key: fixed texts stand for the secrets. Sections given are merged over the base. */
export function stack(over: Deep<ConfigInput> = {}): Config {
  const sections = Object.fromEntries(Object.entries(over).map(([name, value]) => {
    const section: unknown = Reflect.get(base, name);
    return [name, typeof value === "object" && typeof section === "object" ? { ...section, ...value } : value];
  }));
  return configSchema.parse({ ...base, ...sections });
}

/** Paths that say what they are. */
export const sources: Sources = {
  redisConf: "/host/redis.conf",
  redisCa: null,
  caddyfile: "/host/Caddyfile",
  expectations: "/host/expect.json",
  verifier: "/host/verifier.mjs",
  redisAuth: "/host/redis-auth.conf",
  redisPassword: "/host/redis-password",
  postgresPassword: "/host/postgres-password",
  app: { redis_password: "/host/app-redis_password", postgres_password: "/host/app-postgres_password", SMTP_PASSWORD: "/host/app-SMTP_PASSWORD" },
};
