import { apiUsers, privatePorts } from "../compose/between.ts";
import { firstOf, type Here } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { publicPorts } from "./firewall.ts";

/** Hetzner's metadata service; user data, with the host's private key in it, is readable there by whoever asks. */
export const METADATA_ADDRESS = "169.254.169.254";

/**
 * The host's own table, loaded as a whole or not at all by `nft -f`. It filters what the Hetzner firewall does not see
 * (private networks, containers), and holds where that one is missing. Docker's own rules live in tables beside it: a packet must pass both.
 */
export function nftTable(config: Config, here: Here = firstOf(config)): string {
  const ports = publicPorts(config, here);
  const published = ports.length === 0 ? "" : `
		# From outside, only what the proxy publishes: a port published by mistake, or a route laid to a container's address, leads nowhere.
		ct status dnat ct original proto-dst { ${ports.join(", ")} } accept`;
  return `#!/usr/sbin/nft -f
# Rendered by Berth (src/host/nftables.ts). The first two lines make the load a replacement.
table inet berth
delete table inet berth

table inet berth {
	# What is for the host itself. Where port 22 may be reached from is the Hetzner firewall's to say.
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		ct state invalid drop
		iif "lo" accept
		meta l4proto { icmp, ipv6-icmp } accept
		# Address renewal: answers to it are not always seen as related.
		udp dport { 68, 546 } accept
		tcp dport { ${[22, ...ports].join(", ")} } accept${absentApi(config, here)}
		counter comment "refused: for the host"
	}

	# What passes through the host: to and from containers.
	chain forward {
		type filter hook forward priority filter - 1; policy accept;${segments(here)}
		ip daddr ${METADATA_ADDRESS} counter reject with icmp admin-prohibited comment "refused: metadata"
		ct state established,related accept
		# Between containers, and from them outwards, everything may pass.
		iifname { "docker0", "docker_gwbridge" } accept
		iifname "br-*" accept${published}${fromNodes(config, here)}
		oifname { "docker0", "docker_gwbridge" } counter drop comment "refused: to a container"
		oifname "br-*" counter drop comment "refused: to a container"
	}
}
`;
}

/**
 * While the API's container is away, what is for its port comes to the host itself: refused at once instead of dropped, so that the proxy asks
 * another node within a millisecond.
 */
function absentApi(config: Config, here: Here): string {
  const { first } = here.layout;
  if (!apiUsers(here).includes(first)) return "";
  return `
		# The API, while it is away: said at once, and the proxy asks another.
${privatePorts(here, config).filter(({ role }) => role === "api").map(({ port }) => `		ip saddr ${first.address ?? ""} tcp dport ${port} reject with tcp reset`).join("\n")}`;
}

/** A container does not know that its way to another node carries less than its own network: the segments are cut to fit at the first packet. */
function segments({ node }: Here): string {
  if (node.address === null) return "";
  return `
		# The private network's packets are smaller than a container's.
		tcp flags syn tcp option maxseg size set rt mtu`;
}

/** Over the private network, which no firewall of Hetzner's filters: only the nodes whose roles need it, each port. */
function fromNodes(config: Config, here: Here): string {
  const { address } = here.node;
  if (address === null) return "";
  // A rule each: what is loaded is read back and compared line by line, and nft breaks a long set over several.
  return privatePorts(here, config).map(({ role, port, sources }) => `
		# ${role}, for the nodes that use it.${sources.map((source) => `
		ip saddr ${source} ct status dnat ct original ip daddr ${address} ct original proto-dst ${port} accept`).join("")}`).join("");
}

/**
 * The rules of a table's chains, in order, as `CHAIN: RULE`: of the text above, and the same of what `nft list table` says of the loaded one. Without
 * what differs between the two: remarks, counts, and the braces around a single element, which nft leaves out.
 */
export function tableRules(text: string): string[] {
  let chain = "";
  return text.split("\n").flatMap((raw) => {
    const line = raw.replace(/^\s*#.*$/, "").replace(/\bcounter packets \d+ bytes \d+/, "counter").replace(/\{ ([^ ,{}]+) \}/g, "$1").replace(/\s+/g, " ").trim();
    const opened = /^chain (\S+) \{$/.exec(line)?.[1];
    if (opened !== undefined) chain = opened;
    else if (line === "}") chain = "";
    return chain === "" || opened !== undefined || line === "" ? [] : [`${chain}: ${line}`];
  });
}
