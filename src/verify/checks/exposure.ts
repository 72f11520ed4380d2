import { tableRules } from "../../host/nftables.ts";
import type { Listener } from "../host-facts.ts";
import { onNode, onServer } from "../advice.ts";
import { FIREWALL_COMMAND, RULES } from "../rules.ts";
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
export function exposurePorts({ host }: Facts, { publishedPorts, node }: Expectations): Check {
  const privately = node === undefined || node.privatePorts.length === 0 ? "" : `, and for other nodes ${node.address}:${node.privatePorts.join(",")}`;
  const expected = `only ${[SSH_PORT, ...publishedPorts].join(", ")}${privately}`;
  const isPrivate = (address: string, port: number): boolean => node !== undefined && address === node.address && node.privatePorts.includes(port);
  if (!host.published.known) return unknown("exposure.ports", host.published.why, expected);
  if (!host.listeners.known) return unknown("exposure.ports", host.listeners.why, expected);
  const published = new Set(publishedPorts);
  const faults: string[] = [];
  const named = new Set<string>();
  const publishers = new Set<string>();
  for (const { container, host: address, first, last, protocol } of host.published.value) {
    if (isLoopback(address)) continue;
    for (let port = first; port <= last; port += 1) {
      if (protocol === "tcp" && (published.has(port) || isPrivate(address, port))) continue;
      named.add(`${port}/${protocol}`);
      publishers.add(container);
      faults.push(`${container} publishes ${bracketed(address)}:${port}/${protocol}`);
    }
  }
  for (const listener of host.listeners.value) {
    const { host: address, port, protocol, program } = listener;
    // Docker listens for each port it publishes: said once, by the container's name.
    if (isLoopback(address) || named.has(`${port}/${protocol}`) || belongs(listener, published) || (protocol === "tcp" && isPrivate(address, port))) continue;
    faults.push(`${program === "" ? "a program" : program} listens on ${bracketed(address)}:${port}/${protocol}`);
  }
  if (faults.length === 0) return pass("exposure.ports", expected, expected);
  const away = [...publishers].map((name) => onServer("docker rm --force", name));
  const todo = RULES["exposure.ports"].todo;
  return fail("exposure.ports", [...new Set(faults)].join("; "), expected, away.length === 0 ? todo : `${todo} Containers: ${away.join(", ")}.`);
}

/** Ports at which a DHCP client gets its answers, on IPv4 and IPv6. */
const DHCP_CLIENT: ReadonlySet<number> = new Set([68, 546]);
/** Keep the clock, and get their answers at any port. Names as the kernel has them: 15 characters. */
const CLOCKS: ReadonlySet<string> = new Set(["chronyd", "ntpd", "systemd-timesyn"]);

/** What a Debian host rightly has. */
function belongs({ protocol, port, program }: Listener, published: ReadonlySet<number>): boolean {
  if (protocol === "tcp") return port === SSH_PORT || published.has(port);
  return DHCP_CLIENT.has(port) || CLOCKS.has(program);
}

export function exposureMetadata({ seen }: Facts): Check {
  const expected = `${METADATA_ADDRESS}:80 refused to a container`;
  if (!seen.metadata.known) return unknown("exposure.metadata", seen.metadata.why, expected);
  const { connected, detail } = seen.metadata.value;
  return connected ? fail("exposure.metadata", detail, expected) : pass("exposure.metadata", detail, expected);
}

export function exposureFirewall({ host }: Facts, { hostTable }: Expectations): Check {
  const expected = `DOCKER-USER first, and refuses ${METADATA_ADDRESS}; table inet berth as released`;
  if (!host.dockerUser.known) return unknown("exposure.firewall", host.dockerUser.why, expected);
  if (!host.hostTable.known) return unknown("exposure.firewall", `${host.hostTable.why}: the table inet berth may be missing`, expected);
  return verdict("exposure.firewall", [...chainFaults(host.dockerUser.value), ...tableFaults(tableRules(host.hostTable.value), hostTable)], expected, expected);
}

/** Docker's own rules accept: what is after them refuses nothing. */
function chainFaults(rules: readonly string[]): string[] {
  const faults: string[] = [];
  const first = rules.find((rule) => rule.startsWith("-A FORWARD "));
  if (first !== "-A FORWARD -j DOCKER-USER") faults.push(`the first rule of FORWARD is ${first === undefined ? "none" : `\`${first}\``}, and not \`-j DOCKER-USER\``);
  if (!refusesMetadata(rules)) faults.push(`DOCKER-USER has no rule that refuses ${METADATA_ADDRESS} before one that returns or accepts`);
  return faults;
}

/** Rule by rule: a table that drops by default is open by one rule too many. */
function tableFaults(loaded: readonly string[], released: readonly string[]): string[] {
  if (!loaded.some((rule) => /^input: .*hook input .*policy drop;/.test(rule))) return ["table inet berth has no input chain whose policy is drop"];
  const missing = released.filter((rule) => !loaded.includes(rule)).map((rule) => `table inet berth lacks "${rule}"`);
  const more = loaded.filter((rule) => !released.includes(rule)).map((rule) => `table inet berth has "${rule}", which is not the release's`);
  if (missing.length > 0 || more.length > 0) return [...missing, ...more];
  return loaded.join("\n") === released.join("\n") ? [] : ["the rules of table inet berth are in another order, or there twice"];
}

/** The first rule that catches every packet to the address decides. */
function refusesMetadata(rules: readonly string[]): boolean {
  for (const rule of rules) {
    const words = rule.split(/\s+/);
    if (words[0] !== "-A" || words[1] !== "DOCKER-USER") continue;
    const target = words[words.indexOf("-j") + 1];
    const destination = words.includes("-d") ? words[words.indexOf("-d") + 1]?.replace(/\/32$/, "") : undefined;
    if (destination === METADATA_ADDRESS && (target === "REJECT" || target === "DROP")) return true;
    if (destination === undefined && words.length === 4 && target !== undefined) return target === "REJECT" || target === "DROP";
  }
  return false;
}

/** Hetzner's firewall does not look at private networks: whether the other nodes' own rules hold is asked from here. */
export function exposurePrivate({ seen }: Facts, { node }: Expectations): Check {
  const expected = `refused: ${(node?.refused ?? []).map(({ what }) => what).join(", ")}`;
  if (!seen.refused.known) return unknown("exposure.private", seen.refused.why, expected);
  const open = seen.refused.value.filter(({ connected }) => connected);
  if (open.length === 0) return pass("exposure.private", expected, expected);
  // The firewall that lets this node in is that node's.
  const firewalls = new Set(open.map((one) => onNode(node?.refused.find(({ what }) => what === one.what)?.node, FIREWALL_COMMAND)));
  return fail("exposure.private", open.map(({ what, detail }) => `${what}: ${detail}`).join("; "), expected, `${[...firewalls].join(", ")}: the node whose port it is lets this one in.`);
}
