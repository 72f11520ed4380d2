import { type Here, firstOf } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { applicationMounts, environment } from "./application.ts";
import { healthyData, remoteHosts } from "./between.ts";
import type { Service } from "./model.ts";
import { HARDENED, healthcheck, limits, longRunning, scratch, user } from "./parts.ts";
import type { Sources } from "./paths.ts";

export function worker(config: Config, sources: Sources, here: Here = firstOf(config)): Service {
  const { command, memoryMb, cpuShares, stopGraceSeconds } = config.worker;
  return {
    image: config.app.image,
    command,
    user: user(config.app.uid),
    environment: environment(config, "worker"),
    ...healthyData(here),
    networks: ["backend"],
    ...remoteHosts(here),
    volumes: applicationMounts(sources),
    tmpfs: [scratch(memoryMb)],
    // No port: the heartbeat touches a file in /tmp, and this says whether it is fresh (runtime's `workerHealth`).
    healthcheck: healthcheck(["CMD", "node", "health.js"], config.app.startupSeconds),
    ...longRunning(stopGraceSeconds),
    // The first to go when the host itself runs out of memory: its jobs are still in Redis.
    ...limits({ memoryMb, cpuShares, oomScoreAdj: 500 }),
    ...HARDENED,
  };
}
