import type { BindMount, Dependency, Healthcheck, Logging, Service } from "./model.ts";

/** Pieces that every service is put together from. */

/** Three files of 10 MB a container: enough for the last hours, and a bound on what a talkative process can fill. */
const LOGGING: Logging = { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } };

/** Threads and processes of one container. The largest user is libuv plus V8 with some 20; a fork bomb stops here. */
const PIDS_LIMIT = 512;

/** Nothing that runs here changes its user, loads modules or opens raw sockets, so it starts with no capability at all. */
export const HARDENED = {
  read_only: true,
  cap_drop: ["ALL"],
  security_opt: ["no-new-privileges:true"],
} as const satisfies Partial<Service>;

export interface Limits {
  readonly memoryMb: number;
  readonly cpuShares: number;
  /** 0-1000. The kernel kills the highest first. Positive only: lowering it needs a privilege that a host may withhold. */
  readonly oomScoreAdj?: number;
}

/**
 * Resource limits. Memory and memory plus swap are equal, so a container over its limit is killed at once instead of
 * dragging the host through swap; CPU shares only count when the processors are busy.
 */
export function limits({ memoryMb, cpuShares, oomScoreAdj }: Limits) {
  return {
    mem_limit: `${memoryMb}m`,
    memswap_limit: `${memoryMb}m`,
    cpu_shares: cpuShares,
    pids_limit: PIDS_LIMIT,
    ...(oomScoreAdj === undefined ? {} : { oom_score_adj: oomScoreAdj }),
  } as const;
}

/** A process that runs until it is told to stop. `stopGraceSeconds`: then it is killed. */
export function longRunning(stopGraceSeconds: number) {
  return { restart: "unless-stopped", init: true, stop_grace_period: `${stopGraceSeconds}s`, logging: LOGGING } as const;
}

/** A process that runs to its end under `compose run`. It is judged by its exit code, so the image's own health check is off. */
export function oneShot() {
  return { restart: "no", init: true, healthcheck: { disable: true }, logging: LOGGING } as const;
}

/** The same id as user and group, in numbers: what owns the files that are mounted. */
export function user(uid: number): string {
  return `${uid}:${uid}`;
}

export function mount(source: string, target: string): BindMount {
  return { type: "bind", source, target, bind: { create_host_path: false } };
}

export function readOnly(source: string, target: string): BindMount {
  return { type: "bind", source, target, read_only: true, bind: { create_host_path: false } };
}

/** Scratch space in memory; it counts against the container's limit, so it may take half of it at most. */
export function scratch(memoryMb: number): string {
  return `/tmp:mode=1777,size=${Math.floor(memoryMb / 2)}m`;
}

/**
 * A health check that is asked every second while the service starts and every ten seconds afterwards. `startSeconds` is the
 * start period: failures inside it do not count, and `start_interval` works only within it (moby#49900).
 */
export function healthcheck(test: readonly string[], startSeconds: number): Healthcheck {
  return { test, interval: "10s", timeout: "5s", retries: 3, start_period: `${startSeconds}s`, start_interval: "1s" };
}

export function healthy(...services: readonly string[]): Record<string, Dependency> {
  return Object.fromEntries(services.map((name) => [name, { condition: "service_healthy" }]));
}
