import { isIPv4, isIPv6 } from "node:net";

export interface Cidr {
  readonly version: 4 | 6;
  readonly base: bigint;
  readonly prefix: number;
}

/** Parse `10.0.0.0/16` or `2001:db8::/32`; undefined when it is neither, or when host bits are set. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", prefixText = ""] = text.split("/");
  if (!/^\d{1,3}$/.test(prefixText) || text.split("/").length !== 2) return undefined;
  const version = isIPv4(address) ? 4 : isIPv6(address) ? 6 : undefined;
  const prefix = Number(prefixText);
  if (version === undefined || prefix > bits(version)) return undefined;
  const base = version === 4 ? ipv4Number(address) : ipv6Number(address);
  return (base & hostMask(version, prefix)) === 0n ? { version, base, prefix } : undefined;
}

export function cidrContains(outer: Cidr, inner: Cidr): boolean {
  return outer.version === inner.version && outer.prefix <= inner.prefix && (inner.base & ~hostMask(outer.version, outer.prefix)) === outer.base;
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrContains(a, b) || cidrContains(b, a);
}

export function contains(cidr: Cidr, ipv4: string): boolean {
  return cidr.version === 4 && isIPv4(ipv4) && (ipv4Number(ipv4) & ~hostMask(4, cidr.prefix)) === cidr.base;
}

/** The address this far into an IPv4 range: 1 is Hetzner's gateway, servers start at 2. */
export function ipv4At(cidr: Cidr, offset: number): string {
  const value = cidr.base + BigInt(offset);
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
}

/** How many addresses of an IPv4 range servers can have: not the network's own, the gateway or the broadcast. */
export function hostCount(cidr: Cidr): number {
  return Math.max(0, 2 ** (32 - cidr.prefix) - 3);
}

const bits = (version: 4 | 6): number => (version === 4 ? 32 : 128);
const hostMask = (version: 4 | 6, prefix: number): bigint => (1n << BigInt(bits(version) - prefix)) - 1n;

function ipv4Number(address: string): bigint {
  return address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function ipv6Number(address: string): bigint {
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) =>
    `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`);
  const [head = "", tail] = plain.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...zeros, ...right].reduce((sum, part) => sum * 65_536n + BigInt(`0x${part}`), 0n);
}
