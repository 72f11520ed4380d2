import { MIGRATE_MEMORY_MB } from "../config/budgets.ts";
import { type Here, firstOf } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { applicationMounts, environment } from "./application.ts";
import { healthyData, remoteHosts } from "./between.ts";
import type { Service } from "./model.ts";
import { HARDENED, limits, oneShot, scratch, user } from "./parts.ts";
import type { Sources } from "./paths.ts";

/**
 * The migration, run once per release by `compose run`, before the new processes start. It is under a profile of its own, because
 * `compose up --wait` exits 1 when a one-shot service ends, even with 0 (docker/compose#10596).
 */
export function migrate(config: Config, sources: Sources, here: Here = firstOf(config)): Service {
  return {
    image: config.app.image,
    profiles: ["migrate"],
    command: config.app.migrate,
    user: user(config.app.uid),
    environment: environment(config, "migrate"),
    ...healthyData(here),
    networks: ["backend"],
    ...remoteHosts(here),
    volumes: applicationMounts(sources),
    tmpfs: [scratch(MIGRATE_MEMORY_MB)],
    ...oneShot(),
    ...limits({ memoryMb: MIGRATE_MEMORY_MB, cpuShares: config.api.cpuShares, oomScoreAdj: 500 }),
    ...HARDENED,
  };
}
