import { VERIFY_MEMORY_MB } from "../config/budgets.ts";
import { firstOf, type Here, isLast, serves, usesDataHere } from "../config/nodes.ts";
import { isManaged } from "../config/managed.ts";
import type { Config } from "../config/schema.ts";
import { authorityMount } from "./application.ts";
import { remoteHosts } from "./between.ts";
import type { BindMount, Service } from "./model.ts";
import { HARDENED, limits, oneShot, readOnly, scratch, user } from "./parts.ts";
import { INSIDE, type Sources } from "./paths.ts";

/** Above the worker: a verifier that waits behind a busy worker would measure itself. */
const CPU_SHARES = 1024;

/** The image that runs the verifier. */
export function verifyImage(config: Config): string {
  return config.verify.image ?? config.app.image;
}

/** The two secrets the verifier signs in with, as the application reads them. It needs none of the application's own. */
function signIns(config: Config, sources: Sources, here: Here): BindMount[] {
  const read = [
    ...(usesDataHere(here) || serves(here, "redis") ? [isManaged(config) ? INSIDE.redisUrl : INSIDE.redisPassword] : []),
    ...(usesDataHere(here) || serves(here, "postgres") ? [INSIDE.postgresPassword] : []),
  ];
  return read.map((inside) => {
    const name = inside.slice("/run/secrets/".length);
    const source = sources.app[name];
    if (source === undefined) throw new Error(`rendering the verify service: required: the application's secret ${name}; found: ${Object.keys(sources.app).join(", ")}; add it to the sources`);
    return readOnly(source, inside);
  });
}

/**
 * The verification, run by `compose run` where the application stands: its network, its user, its image. The host's script adds
 * the mount of a fresh directory at /run/berth, through which the verifier says that the connections have settled.
 */
export function verify(config: Config, sources: Sources, here: Here = firstOf(config)): Service {
  // The canary is the API's to send.
  const api = isLast(here) && !serves(here, "api") ? here.layout.apis.slice(0, 1).map(({ address }) => ({ name: "api", address })) : [];
  return {
    image: verifyImage(config),
    profiles: ["verify"],
    // The image's own entry point belongs to the application, and may do anything.
    entrypoint: ["node"],
    command: [INSIDE.verifier],
    user: user(config.app.uid),
    environment: { NODE_ENV: "production", BERTH_PROCESS: "verify" },
    networks: ["backend"],
    ...remoteHosts(here, ...api),
    volumes: [
      readOnly(sources.verifier, INSIDE.verifier),
      readOnly(sources.expectations, INSIDE.expectations),
      ...signIns(config, sources, here),
      ...authorityMount(sources),
    ],
    tmpfs: [scratch(VERIFY_MEMORY_MB)],
    ...oneShot(),
    ...limits({ memoryMb: VERIFY_MEMORY_MB, cpuShares: CPU_SHARES, oomScoreAdj: 500 }),
    ...HARDENED,
  };
}
