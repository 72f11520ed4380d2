import { at, listOf, text } from "./inputs.ts";

/** Whether one rule of a Hetzner firewall lets in TCP to this port: by its number, a range of ports, or `any`. */
export function covers(rule: unknown, port: number): boolean {
  if (at(rule, "direction") !== "in" || at(rule, "protocol") !== "tcp") return false;
  const ports = text(at(rule, "port")) ?? "any";
  if (ports === "any") return true;
  const [from = Number.NaN, to = from] = ports.split("-").map(Number);
  return from <= port && port <= to;
}

/**
 * Whether a source of a rule is about everybody: wider than a /8 of IPv4 or a /16 of IPv6, which is more than anyone has.
 * The world can also be written as 0.0.0.0/1 and 128.0.0.0/1.
 */
export function opensToWorld(rule: unknown): boolean {
  return listOf(rule, "sourceIps").some((source) => {
    const [address = "", length = "0"] = (text(source) ?? "").split("/");
    return Number(length) < (address.includes(":") ? 16 : 8);
  });
}
