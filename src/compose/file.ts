import type { Config } from "../config/schema.ts";
import { api } from "./api.ts";
import { migrate } from "./migrate.ts";
import type { ComposeFile } from "./model.ts";
import type { Sources } from "./paths.ts";
import { postgres } from "./postgres.ts";
import { proxy } from "./proxy.ts";
import { redis } from "./redis.ts";
import { verify } from "./verify.ts";
import { worker } from "./worker.ts";
import { type Comments, toYaml } from "./yaml.ts";

/** The services that run all the time, as opposed to `migrate` and `verify`. */
export const RUNNING = ["redis", "postgres", "api", "worker", "proxy"] as const;

/**
 * The production stack on one server. The name is fixed, so that every release speaks of the same containers; each
 * file is mounted by the address of its content, so that a container is made anew exactly when what it reads has changed.
 */
export function composeFile(config: Config, sources: Sources): ComposeFile {
  return {
    name: config.project,
    services: {
      redis: redis(config, sources),
      postgres: postgres(config, sources),
      api: api(config, sources),
      worker: worker(config, sources),
      proxy: proxy(config, sources),
      ...(config.app.migrate.length > 0 ? { migrate: migrate(config, sources) } : {}),
      verify: verify(config, sources),
    },
    networks: { edge: {}, backend: {} },
  };
}

function comments(file: ComposeFile): Comments {
  const about: Record<string, string> = {
    "services.redis": "The queues. Append-only file on the volume, no snapshots, never evicts; highest CPU weight, because everything waits for it.",
    "services.postgres": "The database. Data on the volume; answers over TCP before it counts as healthy.",
    "services.api": "Takes requests from the proxy and puts jobs into the queues. Healthy means ready: Redis and Postgres answer.",
    "services.worker": "Does the jobs. Lowest CPU weight, first to go when memory runs out: its jobs are safe in Redis.",
    "services.proxy": "The only service with published ports.",
    "services.migrate": "Run once per release, before the new processes: docker compose --profile migrate run --rm migrate",
    "services.verify": "Run after each release: docker compose --profile verify run --rm -T verify",
    networks: "The proxy reaches the API and nothing behind it.",
  };
  const present = Object.entries(about).filter(([path]) => !path.startsWith("services.") || path.slice("services.".length) in file.services);
  return {
    header: "Rendered by Berth (src/compose). A changed file has a changed path, and only the containers that mount it are made anew.",
    above: Object.fromEntries(present),
  };
}

/** Text of the production stack, with a comment above each service. */
export function composeText(config: Config, sources: Sources): string {
  const file = composeFile(config, sources);
  return toYaml(file, comments(file));
}
