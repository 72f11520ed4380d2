import type { Facts } from "../seen.ts";
import type { Check, Expectations } from "../types.ts";
import { onServer } from "../advice.ts";
import { BOOT } from "../rules.ts";
import { containersOf, runningServices } from "../services.ts";
import { fail, pass, unknown, verdict } from "../verdict.ts";

/** Files laid down on the host whose bytes are no longer the release's. */
export function driftFiles({ host }: Facts): Check {
  const expected = "files as released";
  if (!host.drift.known) return unknown("drift.files", host.drift.why, expected);
  return verdict("drift.files", host.drift.value.map((path) => `${path} differs`), expected, expected);
}

/** Compose writes the hash of a service's configuration on its container: one that was started or changed otherwise has another, or none. */
export function driftContainers({ host }: Facts, expectations: Expectations): Check {
  const expected = "containers as compose.yaml has them";
  if (!host.containers.known) return unknown("drift.containers", host.containers.why, expected);
  if (!host.composeHashes.known) return unknown("drift.containers", host.composeHashes.why, expected);
  const [containers, hashes] = [host.containers.value, host.composeHashes.value];
  const services = runningServices(expectations);
  const changed = services.flatMap((service) => containersOf(containers, service)
    .filter(({ configHash }) => configHash !== hashes.get(service))
    .map(({ name }) => `${service}: ${name} has another configuration than compose.yaml`));
  const strangers = containers.filter(({ service, oneOff }) => !oneOff && !services.includes(service)).map(({ name }) => name);
  if (changed.length === 0 && strangers.length === 0) return pass("drift.containers", expected, expected);
  // Compose removes only what it started itself.
  const todo = [...(changed.length === 0 ? [] : [`${BOOT} makes it anew.`]), ...strangers.map((name) => `${onServer("docker rm --force", name)} removes what is not the release's.`)];
  return fail("drift.containers", [...changed, ...strangers.map((name) => `${name} is of no service of the release`)].join("; "), expected, todo.join(" "));
}

/** vm.overcommit_memory has a check of its own, which says what it is for. */
const ELSEWHERE = "vm.overcommit_memory";

export function driftKernel({ host }: Facts, { kernel }: Expectations): Check {
  const wanted = Object.entries(kernel).filter(([name]) => name !== ELSEWHERE);
  const expected = wanted.map(([name, value]) => `${name} = ${value}`).join(", ");
  if (!host.sysctl.known) return unknown("drift.kernel", host.sysctl.why, expected);
  const running = host.sysctl.value;
  const hidden = wanted.filter(([name]) => (running.get(name) ?? "") === "").map(([name]) => name);
  if (hidden.length > 0) return unknown("drift.kernel", `the facts' section "sysctl" does not have ${hidden.join(", ")}`, expected);
  const faults = wanted.filter(([name, value]) => running.get(name) !== value).map(([name, value]) => `${name} is ${running.get(name) ?? ""}, the release has ${value}`);
  return verdict("drift.kernel", faults, expected, expected);
}
