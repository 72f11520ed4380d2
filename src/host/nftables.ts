import { publishedPorts } from "../compose/proxy.ts";
import type { Config } from "../config/schema.ts";

/** Hetzner's metadata service; user data, with the host's private key in it, is readable there by whoever asks. */
export const METADATA_ADDRESS = "169.254.169.254";

/**
 * The host's own table, loaded as a whole or not at all by `nft -f`. It filters what the Hetzner firewall does not see
 * (private networks, containers), and holds where that one is missing. Docker's own rules live in tables beside it: a packet must pass both.
 */
export function nftTable(config: Config): string {
  const ports = publishedPorts(config).join(", ");
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
		tcp dport { 22, ${ports} } accept
		counter comment "refused: for the host"
	}

	# What passes through the host: to and from containers.
	chain forward {
		type filter hook forward priority filter - 1; policy accept;
		ip daddr ${METADATA_ADDRESS} counter reject with icmp admin-prohibited comment "refused: metadata"
		ct state established,related accept
		# Between containers, and from them outwards, everything may pass.
		iifname { "docker0", "docker_gwbridge" } accept
		iifname "br-*" accept
		# From outside, only what the proxy publishes: a port published by mistake, or a route laid to a container's address, leads nowhere.
		ct status dnat ct original proto-dst { ${ports} } accept
		oifname { "docker0", "docker_gwbridge" } counter drop comment "refused: to a container"
		oifname "br-*" counter drop comment "refused: to a container"
	}
}
`;
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
