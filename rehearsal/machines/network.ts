import { readFile } from "node:fs/promises";
import type { Docker } from "../docker/docker.ts";
import type { Ledger } from "../ledger.ts";

/** The stand-in for the internet that servers hang on: one Docker network with a range of its own. */
export interface PublicNetwork {
  readonly name: string;
  /** CIDR, a /24. */
  readonly subnet: string;
  /** CIDR of a private network beside it, a /24 that no other run has. */
  readonly privateRange: string;
  /** Of the metadata service, the registry and a provider's stand-in; addresses that are never given to servers. */
  readonly metadataIp: string;
  readonly registryIp: string;
  readonly providerIp: string;
  /** Addresses for servers, in the order in which to give them out. */
  readonly serverIps: readonly string[];
}

/** Private networks and public ones at Hetzner differ in this; the public one has the usual size. */
export const PRIVATE_MTU = 1450;

/**
 * Create the network in the first free /24 of 198.18.0.0/15. That range is set aside for benchmarks of networks (RFC 2544): it looks public, and belongs to
 * nobody, so that no address of a real host is hidden.
 */
export async function createPublicNetwork(docker: Docker, ledger: Ledger): Promise<PublicNetwork> {
  const name = `berth-${ledger.id}`;
  const routes = await readFile("/proc/net/route", "utf8").catch(() => "");
  let fault = "";
  for (let third = 0; third < 64; third += 1) {
    const base = `198.18.${third}`;
    // /proc/net/route has addresses as little-endian hexadecimal.
    const asRoute = [0, third, 18, 198].map((part) => part.toString(16).padStart(2, "0")).join("").toUpperCase();
    if (routes.includes(`\t${asRoute}\t`)) continue;
    const subnet = `${base}.0/24`;
    const result = await docker.attempt(["network", "create", ...ledger.label, "--driver", "bridge", "--subnet", subnet, "--gateway", `${base}.1`, name]);
    if (result.code === 0) {
      return { name, subnet, privateRange: `10.184.${third}.0/24`, metadataIp: `${base}.2`, registryIp: `${base}.3`, providerIp: `${base}.4`, serverIps: Array.from({ length: 40 }, (_, index) => `${base}.${index + 10}`) };
    }
    fault = result.stderr.trim();
    if (!/overlap/i.test(fault)) break;
  }
  throw new Error(`creating a network for the stand-in servers: a free /24 in 198.18.0.0/18 is required: ${fault}`);
}
