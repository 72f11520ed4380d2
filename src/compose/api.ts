import { type Here, firstOf, serves } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { applicationMounts, environment } from "./application.ts";
import { healthyData, publishedPrivately, remoteHosts } from "./between.ts";
import type { Service } from "./model.ts";
import { HARDENED, healthcheck, limits, longRunning, scratch, user } from "./parts.ts";
import type { Sources } from "./paths.ts";

/**
 * Asks the readiness path, so that `compose up --wait` means "ready" and not "running". Docker restarts nothing for being
 * unhealthy: an API that waits for Redis keeps waiting. `node` is in the image for certain; wget and curl often are not.
 */
function readiness(config: Config): string[] {
  const url = JSON.stringify(`http://127.0.0.1:${config.app.port}${config.app.readyPath}`);
  const script = `fetch(${url}, { signal: AbortSignal.timeout(4000) }).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`;
  return ["CMD", "node", "-e", script];
}

export function api(config: Config, sources: Sources, here: Here = firstOf(config)): Service {
  const { command, memoryMb, cpuShares, stopGraceSeconds } = config.api;
  return {
    image: config.app.image,
    command,
    user: user(config.app.uid),
    environment: environment(config, "api"),
    ...healthyData(here),
    // Away from the proxy it is reached by the port that is published for it.
    networks: serves(here, "proxy") ? ["edge", "backend"] : ["backend"],
    ...remoteHosts(here),
    ...publishedPrivately(here, config, "api"),
    volumes: applicationMounts(sources),
    tmpfs: [scratch(memoryMb)],
    healthcheck: healthcheck(readiness(config), config.app.startupSeconds),
    ...longRunning(stopGraceSeconds),
    ...limits({ memoryMb, cpuShares, oomScoreAdj: 300 }),
    ...HARDENED,
  };
}
