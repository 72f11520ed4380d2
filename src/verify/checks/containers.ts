import type { Container, Image } from "../host-facts.ts";
import type { Facts } from "../seen.ts";
import { containersOf, runningServices } from "../services.ts";
import type { Check, Expectations } from "../types.ts";
import { fail, pass, unknown, verdict } from "../verdict.ts";
import { plural } from "../words.ts";

/** The release's containers: there, healthy, of the right image, and the same as when they started. */

/** Faults of each service's containers; a service without one is a fault of its own. */
function faultsByService(containers: readonly Container[], expectations: Expectations, fault: (container: Container) => string | undefined): string[] {
  return runningServices(expectations).flatMap((service) =>
    containersOf(containers, service).flatMap((container) => {
      const found = fault(container);
      return found === undefined ? [] : [`${service}: ${found}`];
    }));
}

export function appHealth({ host }: Facts, expectations: Expectations): Check {
  const services = runningServices(expectations);
  const expected = `${plural(services.length, "service")} healthy`;
  if (!host.containers.known) return unknown("app.health", host.containers.why, expected);
  const containers = host.containers.value;
  const absent = services.filter((service) => containersOf(containers, service).length === 0).map((service) => `${service}: no container`);
  const faults = faultsByService(containers, expectations, ({ status, health, exitCode }) => {
    if (status !== "running") return `${status}${status === "exited" ? ` with ${exitCode ?? "?"}` : ""}`;
    if (health === undefined) return "has no health check";
    return health === "healthy" ? undefined : health;
  });
  return verdict("app.health", [...absent, ...faults], `${plural(services.length, "service")} healthy: ${services.join(", ")}`, expected);
}

export function appRestarts({ host }: Facts, expectations: Expectations): Check {
  const expected = "0 since the release began";
  if (!host.containers.known) return unknown("app.restarts", host.containers.why, expected);
  if (!host.baseline.known) return unknown("app.restarts", host.baseline.why, expected);
  const before = host.baseline.value.restarts;
  const faults = faultsByService(host.containers.value, expectations, ({ id, restarts, status }) => {
    const risen = (restarts ?? 0) - (before.get(id) ?? 0);
    if (status === "restarting" || risen > 0) return `${plural(Math.max(risen, 0), "restart")}${status === "restarting" ? ", restarting now" : ""}`;
    return undefined;
  });
  return verdict("app.restarts", faults, expected, expected);
}

export function appOom({ host }: Facts, expectations: Expectations): Check {
  const expected = "no OOM kill since the release began";
  if (!host.containers.known) return unknown("app.oom", host.containers.why, expected);
  if (!host.controlGroups.known) return unknown("app.oom", host.controlGroups.why, expected);
  if (!host.baseline.known) return unknown("app.oom", host.baseline.why, expected);
  const [groups, before] = [host.controlGroups.value, host.baseline.value.oom];
  const faults = faultsByService(host.containers.value, expectations, ({ id, oomKilled }) => {
    const kills = (groups.get(id)?.oomKills ?? 0) - (before.get(id) ?? 0);
    if (kills > 0) return `${kills} ${kills === 1 ? "process" : "processes"} killed`;
    // Docker's own flag stays from the last death; where the counter started with the container, it says nothing new.
    return oomKilled && !before.has(id) ? "killed for want of memory" : undefined;
  });
  return verdict("app.oom", faults, expected, expected);
}

/** Docker leaves its own registry out of the names it keeps. */
function familiar(reference: string): string {
  return reference.replace(/^(?:index\.)?docker\.io\//, "").replace(/^library\//, "");
}

/** The image that a reference of the release means on this host. */
export function findImage(images: readonly Image[], reference: string): Image | undefined {
  const wanted = familiar(reference);
  const [name = "", digest] = wanted.split("@");
  if (digest !== undefined) {
    // A reference may carry a tag and a digest: the digest decides.
    const repository = name.replace(/:[^/:]+$/, "");
    return images.find((image) => image.digests.some((known) => familiar(known) === `${repository}@${digest}`) || image.id === digest);
  }
  const tagged = /:[^/:]+$/.test(name) ? name : `${name}:latest`;
  return images.find((image) => image.tags.some((tag) => familiar(tag) === tagged));
}

export function appImages({ host }: Facts, expectations: Expectations): Check {
  const services = runningServices(expectations);
  const expected = `${plural(services.length, "image")} as released`;
  if (!host.containers.known) return unknown("app.images", host.containers.why, expected);
  if (!host.images.known) return unknown("app.images", host.images.why, expected);
  const [containers, images] = [host.containers.value, host.images.value];
  const missing = services.filter((service) => findImage(images, expectations.images[service] ?? "") === undefined);
  if (missing.length > 0) {
    return fail("app.images", missing.map((service) => `${service}: ${expectations.images[service] ?? ""} is not on the host`).join("; "), expected);
  }
  const faults = faultsByService(containers, expectations, ({ service, imageId, imageReference }) => {
    const reference = expectations.images[service] ?? "";
    if (findImage(images, reference)?.id === imageId) return undefined;
    return `runs ${imageReference} (${short(imageId)}), the release has ${reference} (${short(findImage(images, reference)?.id ?? "")})`;
  });
  if (faults.length > 0) return fail("app.images", faults.join("; "), expected);
  return pass("app.images", expected, expected);
}

function short(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}
