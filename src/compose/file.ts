import { firstOf, type Here, migratorOf, serves } from "../config/nodes.ts";
import { type Role, SERVICES } from "../config/roles.ts";
import type { Config } from "../config/schema.ts";
import { api } from "./api.ts";
import { networkOptions } from "./between.ts";
import { migrate } from "./migrate.ts";
import type { ComposeFile, Service } from "./model.ts";
import type { Sources } from "./paths.ts";
import { postgres } from "./postgres.ts";
import { proxy } from "./proxy.ts";
import { redis } from "./redis.ts";
import { verify } from "./verify.ts";
import { worker } from "./worker.ts";
import { type Comments, toYaml } from "./yaml.ts";

/** One builder a role. */
const builders: Readonly<Record<Role, (config: Config, sources: Sources, here: Here) => Service>> = { redis, postgres, api, worker, proxy };

/**
 * The production stack as far as it stands on one node, by default the whole of it. The name is fixed, so that every release speaks of the same containers; each
 * file is mounted by the address of its content, so that a container is made anew exactly when what it reads has changed.
 */
export function composeFile(config: Config, sources: Sources, here: Here = firstOf(config)): ComposeFile {
  const options = networkOptions(here);
  return {
    name: config.project,
    services: {
      ...Object.fromEntries(SERVICES.filter((role) => serves(here, role)).map((role) => [role, builders[role](config, sources, here)])),
      ...(migratesHere(config, here) ? { migrate: migrate(config, sources, here) } : {}),
      verify: verify(config, sources, here),
    },
    networks: { ...(serves(here, "proxy") ? { edge: options } : {}), backend: options },
  };
}

/** Once per release of the whole stack: where the first process of the application starts. */
export function migratesHere(config: Config, { node, layout }: Here): boolean {
  return node === migratorOf(layout) && config.app.migrate.length > 0;
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

/** Stands for the address of a node's expectations: a path, so that YAML writes it as it writes that. */
const EXPECTATIONS = "/opt/berth/files/of-this-node-expect.json";

/** A stack's Compose texts by their models. */
const texts = new WeakMap<Config, Map<string, string>>();

/**
 * Text of a node's Compose file, with a comment above each service. Nodes of one kind differ in nothing but the address of their
 * expectations: the text is written once for all of them, because that is by far the slowest part of a release's rendering.
 */
export function composeText(config: Config, sources: Sources, here: Here = firstOf(config)): string {
  const file = composeFile(config, { ...sources, expectations: EXPECTATIONS }, here);
  const model = JSON.stringify(file);
  const known = texts.get(config) ?? new Map<string, string>();
  texts.set(config, known);
  const text = known.get(model) ?? toYaml(file, comments(file));
  known.set(model, text);
  return text.replaceAll(EXPECTATIONS, () => sources.expectations);
}
