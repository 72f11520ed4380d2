import { publishedPorts } from "../compose/proxy.ts";
import { firstOf, type Here, serves } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";

/** One inbound rule of a Hetzner firewall. What no rule allows is dropped; everything outbound is allowed. */
export interface FirewallRule {
  readonly direction: "in";
  readonly protocol: "tcp" | "icmp";
  readonly port?: string;
  readonly sourceIps: string[];
  readonly description: string;
}

const WORLD = ["0.0.0.0/0", "::/0"];

/** Ports that a node shows to the world: the proxy's, where it stands. */
export function publicPorts(config: Config, here: Here): number[] {
  return serves(here, "proxy") ? publishedPorts(config) : [];
}

/** The Hetzner firewall: in front of the server's public addresses. Private networks are not filtered by it; `nftables.ts` does that. */
export function firewallRules(config: Config, here: Here = firstOf(config)): FirewallRule[] {
  const { openToWorld, sources } = config.ssh;
  const ssh = openToWorld ? WORLD : sources;
  const rules: FirewallRule[] = publicPorts(config, here).map((port) => ({
    direction: "in",
    protocol: "tcp",
    port: String(port),
    sourceIps: WORLD,
    description: port === 80 ? "HTTP" : "HTTPS",
  }));
  // Without ICMP, path MTU discovery fails in silence.
  rules.push({ direction: "in", protocol: "icmp", sourceIps: WORLD, description: "ping and path MTU" });
  // A rule without a source is refused by the API; nobody may sign in then.
  if (ssh.length > 0) rules.unshift({ direction: "in", protocol: "tcp", port: "22", sourceIps: [...ssh], description: "SSH" });
  return rules;
}
