import { type Here, firstOf, serves } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import type { Port, Service } from "./model.ts";
import { HARDENED, healthcheck, limits, longRunning, mount, readOnly, scratch, user } from "./parts.ts";
import { DATA, INSIDE, PROXY_HEALTH_PORT, type Sources } from "./paths.ts";

/** Above Caddy's own `grace_period` of 10 s for open requests. */
export const PROXY_GRACE_SECONDS = 15;
const START_SECONDS = 30;

/** Ports that the server shows to the world: HTTP, and HTTPS once there is a name to have a certificate for. */
export function publishedPorts(config: Config): number[] {
  return config.domain === undefined ? [80] : [80, 443];
}

function port(number: number): Port {
  return { target: number, published: String(number), protocol: "tcp", mode: "ingress" };
}

export function proxy(config: Config, sources: Sources, here: Here = firstOf(config)): Service {
  const { image, uid, memoryMb, cpuShares } = config.proxy;
  return {
    image,
    command: ["caddy", "run", "--config", INSIDE.caddyfile, "--adapter", "caddyfile"],
    user: user(uid),
    environment: {
      // Certificates and the ACME account live on the volume; what Caddy remembers of its configuration need not.
      XDG_DATA_HOME: "/data",
      XDG_CONFIG_HOME: "/tmp",
      HOME: "/tmp",
      // Go collects before the container's limit instead of running into it.
      GOMEMLIMIT: `${Math.floor(memoryMb * 0.85)}MiB`,
    },
    // Started, not healthy: while the API still waits for Redis, visitors are held and then told so, not refused.
    ...(serves(here, "api") ? { depends_on: { api: { condition: "service_started" } } } : {}),
    networks: ["edge"],
    ports: publishedPorts(config).map(port),
    volumes: [readOnly(sources.caddyfile, INSIDE.caddyfile), mount(DATA.proxy, "/data")],
    tmpfs: [scratch(memoryMb)],
    healthcheck: healthcheck(["CMD", "wget", "-q", "-T", "4", "-O", "/dev/null", `http://127.0.0.1:${PROXY_HEALTH_PORT}/`], START_SECONDS),
    ...longRunning(PROXY_GRACE_SECONDS),
    ...limits({ memoryMb, cpuShares, oomScoreAdj: 100 }),
    ...HARDENED,
    // The image's binary carries this as a file capability: with it outside the bounding set, the kernel refuses to execute it.
    cap_add: ["NET_BIND_SERVICE"],
  };
}
