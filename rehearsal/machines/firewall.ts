import type { FirewallRule } from "../cloud/machines.ts";

/**
 * Hetzner's firewall as a table of nftables for the server's public interface. It judges before Docker's DNAT does (priority -150, behind
 * connection tracking at -200), so that ports are those the sender wrote. Answers pass; other interfaces are not looked at.
 * Null: no firewall. Without `out` rules everything may leave; with one, only what the rules name.
 */
export function firewallTable(rules: readonly FirewallRule[] | null): string {
  const replace = "table inet stand_in_firewall\ndelete table inet stand_in_firewall\n";
  if (rules === null) return replace;
  const incoming = rules.filter((rule) => rule.direction === "in");
  const outgoing = rules.filter((rule) => rule.direction === "out");
  const chain = (name: string, hook: string, head: string, own: readonly FirewallRule[]): string =>
    [`\tchain ${name} {`, `\t\ttype filter hook ${hook}; policy accept;`, `\t\t${head}`, "\t\tct state established,related accept", ...own.flatMap(lines).map((line) => `\t\t${line}`), "\t\tcounter drop", "\t}"].join("\n");
  return [
    replace,
    "table inet stand_in_firewall {",
    chain("public_in", "prerouting priority -150", 'iifname != "eth0" accept', incoming),
    ...(outgoing.length === 0 ? [] : [chain("public_out", "postrouting priority 50", 'oifname != "eth0" accept', outgoing)]),
    "}",
    "",
  ].join("\n");
}

function lines(rule: FirewallRule): readonly string[] {
  const addresses = rule.direction === "in" ? rule.sourceIps : rule.destinationIps;
  const side = rule.direction === "in" ? "saddr" : "daddr";
  return (["ip", "ip6"] as const).flatMap((family) => {
    const own = addresses.filter((address) => address.includes(":") === (family === "ip6"));
    return own.length === 0 ? [] : [`${family} ${side} { ${own.join(", ")} } ${traffic(rule, family)} accept`];
  });
}

function traffic(rule: FirewallRule, family: "ip" | "ip6"): string {
  if (rule.protocol === "icmp") return `meta l4proto ${family === "ip" ? "icmp" : "ipv6-icmp"}`;
  return rule.port === null || rule.port === "any" ? `meta l4proto ${rule.protocol}` : `${rule.protocol} dport ${rule.port}`;
}
