import type { Facts } from "../seen.ts";
import type { Check, Expectations } from "../types.ts";
import { fail, pass, unknown, verdict } from "../verdict.ts";

/** What the world, and a container, could reach. */

const SSH_PORT = 22;
export const METADATA_ADDRESS = "169.254.169.254";

function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1" || host.startsWith("::ffff:127.");
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Docker publishes past ufw and the like, so that what is published is judged on the host and not only probed from outside. */
export function exposurePorts({ host }: Facts, { publishedPorts }: Expectations): Check {
  const expected = `only ${[SSH_PORT, ...publishedPorts].join(", ")}`;
  if (!host.published.known) return unknown("exposure.ports", host.published.why, expected);
  if (!host.listeners.known) return unknown("exposure.ports", host.listeners.why, expected);
  const published = new Set(publishedPorts);
  const faults: string[] = [];
  const named = new Set<number>();
  for (const { container, host: address, first, last, protocol } of host.published.value) {
    if (isLoopback(address)) continue;
    for (let port = first; port <= last; port += 1) {
      if (published.has(port)) continue;
      named.add(port);
      faults.push(`${container} publishes ${bracketed(address)}:${port}/${protocol}`);
    }
  }
  for (const { host: address, port } of host.listeners.value) {
    // Docker listens for each port it publishes: said once, by the container's name.
    if (isLoopback(address) || port === SSH_PORT || published.has(port) || named.has(port)) continue;
    faults.push(`a program listens on ${bracketed(address)}:${port}/tcp`);
  }
  return verdict("exposure.ports", [...new Set(faults)], `only ${[SSH_PORT, ...publishedPorts].join(", ")}`, expected);
}

export function exposureMetadata({ seen }: Facts): Check {
  const expected = `${METADATA_ADDRESS}:80 refused to a container`;
  if (!seen.metadata.known) return unknown("exposure.metadata", seen.metadata.why, expected);
  const { connected, detail } = seen.metadata.value;
  return connected ? fail("exposure.metadata", detail, expected) : pass("exposure.metadata", detail, expected);
}

export function exposureFirewall({ host }: Facts): Check {
  const expected = `DOCKER-USER refuses ${METADATA_ADDRESS}; table inet berth drops by default`;
  if (!host.dockerUser.known) return unknown("exposure.firewall", host.dockerUser.why, expected);
  if (!host.hostTable.known) return unknown("exposure.firewall", `${host.hostTable.why}: the table inet berth may be missing`, expected);
  const faults: string[] = [];
  if (!refusesMetadata(host.dockerUser.value)) faults.push(`DOCKER-USER has no rule that refuses ${METADATA_ADDRESS} before one that returns or accepts`);
  if (!/hook input[^\n]*policy drop/.test(host.hostTable.value)) faults.push("table inet berth has no input chain whose policy is drop");
  return verdict("exposure.firewall", faults, `DOCKER-USER refuses ${METADATA_ADDRESS}; table inet berth drops by default`, expected);
}

/** The first rule that catches every packet to the address decides. */
function refusesMetadata(rules: readonly string[]): boolean {
  for (const rule of rules) {
    const words = rule.split(/\s+/);
    if (words[0] !== "-A") continue;
    const target = words[words.indexOf("-j") + 1];
    const destination = words.includes("-d") ? words[words.indexOf("-d") + 1]?.replace(/\/32$/, "") : undefined;
    if (destination === METADATA_ADDRESS && (target === "REJECT" || target === "DROP")) return true;
    if (destination === undefined && words.length === 4 && target !== undefined) return target === "REJECT" || target === "DROP";
  }
  return false;
}
