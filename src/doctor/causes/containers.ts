import type { Container } from "../../verify/host-facts.ts";
import { containersOf, runningServices } from "../../verify/services.ts";
import { plural } from "../../verify/words.ts";
import type { DoctorFacts } from "../facts.ts";
import type { Cause } from "../types.ts";

/** Docker and its containers. Mostly what is seen of another cause; alone, what to look at. */

/** A restart longer ago than this is history, in seconds. */
const RECENT_SECONDS = 3600;
/** A container that is not healthy by then has gone past its start. */
const STARTING_SECONDS = 180;

export function docker({ dockerSilent }: DoctorFacts): Cause[] {
  if (dockerSilent === undefined) return [];
  return [{
    id: "host.docker", level: "critical", what: "Docker does not answer", evidence: [dockerSilent],
    next: "`berth ssh -- sudo journalctl -u docker -n 50`; without the data volume it stays down on purpose (`berth ssh -- systemctl status berth-volume`).",
  }];
}

export function containers(facts: DoctorFacts): Cause[] {
  const { host, expectations } = facts;
  if (!host.containers.known || !expectations.known) return [];
  const running = host.containers.value;
  const own = runningServices(expectations.value).flatMap((service) => containersOf(running, service));
  const ageOf = (container: Container): number => (Date.parse(facts.at) - Date.parse(container.startedAt)) / 1000;
  const restarted = host.baseline.known
    ? own.filter((container) => (container.restarts ?? 0) > (host.baseline.known ? host.baseline.value.restarts.get(container.id) ?? 0 : 0) && ageOf(container) < RECENT_SECONDS)
    : [];
  const ill = own.filter((container) => container.status !== "running" || container.health === "unhealthy" || (container.health === "starting" && ageOf(container) > STARTING_SECONDS));
  return [
    ...(restarted.length === 0 ? [] : [{
      id: "containers.restarts", level: "warning", what: `${list(restarted)} restarted`,
      evidence: restarted.map((container) => `${container.service}: ${plural(container.restarts ?? 0, "restart")}, the last ${Math.round(ageOf(container))} s ago${container.status === "running" ? "" : `, exit code ${container.exitCode ?? "?"}`}`),
      next: `\`berth logs ${restarted[0]?.service ?? ""}\`: the last lines before the restart.`,
    } satisfies Cause]),
    ...(ill.length === 0 ? [] : [{
      id: "containers.unhealthy", level: "critical", what: `${list(ill)} ${ill.length === 1 ? "is" : "are"} not healthy`,
      evidence: ill.map((container) => `${container.service}: ${container.status}, health ${container.health ?? "none"}`),
      next: `\`berth logs ${ill[0]?.service ?? ""}\`, then \`berth verify\`.`,
    } satisfies Cause]),
  ];
}

function list(all: readonly Container[]): string {
  return all.map(({ service }) => service).join(", ");
}
