import type { Registry } from "./registry.ts";
import type { RehearsalImages } from "./settings.ts";

/** Bring the rehearsal's images to its registry; gives their references by digest. */
export async function pushAll(registry: Registry, local: { redis: string; postgres: string; caddy: string; app: string }): Promise<RehearsalImages> {
  // The tag says the major version, which a digest alone does not: data of one cannot be read by another.
  const tagged = (reference: string, tag: string): string => reference.replace("@", `:${tag}@`);
  return {
    app: await registry.push(local.app, "app"),
    redis: tagged(await registry.push(local.redis, "redis"), "8.0"),
    postgres: tagged(await registry.push(local.postgres, "postgres"), "17"),
    proxy: tagged(await registry.push(local.caddy, "caddy"), "2"),
  };
}
