import { expect, test } from "vitest";
import type { FirewallRule } from "../../../rehearsal/cloud/machines.ts";
import { firewallTable } from "../../../rehearsal/machines/firewall.ts";

const rule = (given: Partial<FirewallRule>): FirewallRule => ({ direction: "in", protocol: "tcp", port: "22", sourceIps: ["0.0.0.0/0", "::/0"], destinationIps: [], ...given });

test("listed traffic passes in both families, the rest is dropped, before Docker's DNAT", () => {
  expect(firewallTable([
    rule({ port: "22", sourceIps: ["198.51.100.0/24"] }),
    rule({ port: "80-85" }),
    rule({ protocol: "udp", port: "any" }),
    rule({ protocol: "icmp", port: null }),
    rule({ protocol: "gre", port: null, sourceIps: ["192.0.2.1/32"] }),
  ])).toMatchInlineSnapshot(`
    "table inet stand_in_firewall
    delete table inet stand_in_firewall

    table inet stand_in_firewall {
    	chain public_in {
    		type filter hook prerouting priority -150; policy accept;
    		iifname != "eth0" accept
    		ct state established,related accept
    		ip saddr { 198.51.100.0/24 } tcp dport 22 accept
    		ip saddr { 0.0.0.0/0 } tcp dport 80-85 accept
    		ip6 saddr { ::/0 } tcp dport 80-85 accept
    		ip saddr { 0.0.0.0/0 } meta l4proto udp accept
    		ip6 saddr { ::/0 } meta l4proto udp accept
    		ip saddr { 0.0.0.0/0 } meta l4proto icmp accept
    		ip6 saddr { ::/0 } meta l4proto ipv6-icmp accept
    		ip saddr { 192.0.2.1/32 } meta l4proto gre accept
    		counter drop
    	}
    }
    "
  `);
});

test("a firewall without rules lets nothing in", () => {
  expect(firewallTable([])).toContain("ct state established,related accept\n\t\tcounter drop");
});

test("no firewall is the table's absence", () => {
  expect(firewallTable(null)).toBe("table inet stand_in_firewall\ndelete table inet stand_in_firewall\n");
});

test("outgoing traffic is limited only where a rule says so", () => {
  expect(firewallTable([rule({})])).not.toContain("public_out");
  expect(firewallTable([rule({ direction: "out", port: "443", sourceIps: [], destinationIps: ["203.0.113.7/32"] })])).toContain("ip daddr { 203.0.113.7/32 } tcp dport 443 accept");
});
