import type { Container, HostFacts } from "./host-facts.ts";
import type { Expectations } from "./types.ts";

/** The processes that hold connections to Redis. */
export const PROCESSES = ["api", "worker"] as const;

/** Services that come and go: `compose run` starts them, and nobody expects them to be there. */
const RUN_ONCE: ReadonlySet<string> = new Set(["migrate", "verify"]);

/** Services of the release that run for as long as it does. */
export function runningServices({ images }: Expectations): string[] {
  return Object.keys(images).filter((service) => !RUN_ONCE.has(service));
}

/** The containers of a service, without those of `compose run`. */
export function containersOf(containers: readonly Container[], service: string): Container[] {
  return containers.filter((container) => container.service === service && !container.oneOff);
}

/** The container that serves, when it is known. */
export function servingContainer(host: HostFacts, service: string): Container | undefined {
  return host.containers.known ? containersOf(host.containers.value, service)[0] : undefined;
}
