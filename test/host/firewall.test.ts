import { expect, test } from "vitest";
import { firewallRules } from "../../src/host/firewall.ts";
import { nftTable } from "../../src/host/nftables.ts";
import { stack } from "../helpers/stack.ts";

/** `protocol/port <- sources` */
function lines(config: ReturnType<typeof stack>): string[] {
  return firewallRules(config).map(({ protocol, port = "-", sourceIps }) => `${protocol}/${port} <- ${sourceIps.join(" ")}`);
}

test("SSH from where the stack says, HTTP and ICMP from everywhere, nothing else", () => {
  expect(lines(stack())).toEqual(["tcp/22 <- 203.0.113.7/32", "tcp/80 <- 0.0.0.0/0 ::/0", "icmp/- <- 0.0.0.0/0 ::/0"]);
});

test("HTTPS with a domain", () => {
  expect(lines(stack({ domain: "app.example.com" }))).toContain("tcp/443 <- 0.0.0.0/0 ::/0");
});

test("SSH from the world only when the stack says so", () => {
  expect(lines(stack({ ssh: { openToWorld: true } }))).toContain("tcp/22 <- 0.0.0.0/0 ::/0");
});

test("no source, no rule: Hetzner refuses a rule without one", () => {
  expect(lines(stack({ ssh: { sources: [] } })).filter((line) => line.startsWith("tcp/22"))).toEqual([]);
});

test("the host's own table: the same ports, no metadata for containers, no unpublished way to a container", () => {
  expect(nftTable(stack())).toMatchInlineSnapshot(`
    "#!/usr/sbin/nft -f
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
    		tcp dport { 22, 80 } accept
    		counter comment "refused: for the host"
    	}

    	# What passes through the host: to and from containers.
    	chain forward {
    		type filter hook forward priority filter - 1; policy accept;
    		ip daddr 169.254.169.254 counter reject with icmp admin-prohibited comment "refused: metadata"
    		ct state established,related accept
    		# Between containers, and from them outwards, everything may pass.
    		iifname { "docker0", "docker_gwbridge" } accept
    		iifname "br-*" accept
    		# From outside, only what the proxy publishes: a port published by mistake, or a route laid to a container's address, leads nowhere.
    		ct status dnat ct original proto-dst { 80 } accept
    		oifname { "docker0", "docker_gwbridge" } counter drop comment "refused: to a container"
    		oifname "br-*" counter drop comment "refused: to a container"
    	}
    }
    "
  `);
});

test("the host's table opens HTTPS with a domain", () => {
  expect(nftTable(stack({ domain: "app.example.com" }))).toContain("tcp dport { 22, 80, 443 } accept");
});
