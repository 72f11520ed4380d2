import { promises as dns } from "node:dns";

/** Whether a name leads to a server. A certificate authority asks the same, and counts the times when it does not. */

/** What a name's records say; `undefined`: nobody could be asked. */
export interface Records {
  readonly v4: readonly string[] | undefined;
  readonly v6: readonly string[] | undefined;
}

/** A server's addresses; `v6` is empty without one. */
export interface Here {
  readonly v4: string;
  readonly v6: string;
}

/** The two questions, and the two by which a zone's own servers are found. Node's resolver has them all. */
export type Resolver = Pick<typeof dns, "resolve4" | "resolve6" | "resolveNs">;

const AUTHORITY_MS = 3_000;

/**
 * What is wrong with a name's records for a server with these addresses; undefined when every one of them leads there. One that leads elsewhere
 * is a fault beside one that does not: the authority may pick either, and of both families it prefers IPv6.
 */
export function dnsFault({ v4, v6 }: Records, here: Here): string | undefined {
  const faults: string[] = [];
  if (v4 === undefined || v4.length !== 1 || v4[0] !== here.v4) faults.push(`A record: required ${here.v4} and no other, found ${listed(v4)}`);
  if (v6 === undefined || v6.some((it) => canonical(it) !== canonical(here.v6))) {
    faults.push(`AAAA record: required ${here.v6 === "" ? "none, because the server has no IPv6 address" : `${here.v6} or none`}, found ${listed(v6)}`);
  }
  return faults.length === 0 ? undefined : faults.join("; ");
}

/**
 * The records of a name: as this machine's resolver has them, or, when these do not lead to the server, as the zone's own name servers do. A
 * resolver keeps for a while that there was no such record; the certificate authority asks the zone.
 */
export async function recordsFor(domain: string, here: Here, system: Resolver = dns, authority: (zone: string) => Promise<Resolver | undefined> = (zone) => authorityOf(zone, system)): Promise<Records> {
  const first = await recordsOf(domain, system);
  if (dnsFault(first, here) === undefined) return first;
  const own = await authority(domain);
  if (own === undefined) return first;
  const second = await recordsOf(domain, own);
  // An alias into another zone: its own servers name no address.
  return second.v4 === undefined || second.v4.length === 0 ? first : second;
}

async function recordsOf(domain: string, resolver: Resolver): Promise<Records> {
  const [v4, v6] = await Promise.all([answered(resolver.resolve4(domain)), answered(resolver.resolve6(domain))]);
  return { v4, v6 };
}

async function answered(question: Promise<string[]>): Promise<string[] | undefined> {
  try {
    return (await question).toSorted();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ENOTFOUND" || code === "ENODATA" ? [] : undefined;
  }
}

/** A resolver that asks the name servers of the zone a name is in; undefined when they cannot be found. */
async function authorityOf(domain: string, system: Resolver): Promise<Resolver | undefined> {
  const labels = domain.split(".");
  for (let at = 0; at < labels.length - 1; at += 1) {
    const names = await answered(system.resolveNs(labels.slice(at).join(".")));
    if (names === undefined || names.length === 0) continue;
    const addresses = await Promise.all(names.slice(0, 3).map((name) => answered(system.resolve4(name))));
    const servers = addresses.flatMap((it) => it ?? []);
    return servers.length === 0 ? undefined : resolverAt(servers);
  }
  return undefined;
}

/** A resolver that asks these servers, `ADDRESS` or `ADDRESS:PORT`. */
export function resolverAt(servers: readonly string[]): Resolver {
  const resolver = new dns.Resolver({ timeout: AUTHORITY_MS, tries: 1 });
  resolver.setServers(servers);
  return resolver;
}

function listed(addresses: readonly string[] | undefined): string {
  if (addresses === undefined) return "no answer from any name server";
  return addresses.length === 0 ? "none" : addresses.join(", ");
}

/** An IPv6 address in the one way it is written when shortest. */
function canonical(address: string): string {
  return address === "" ? "" : new URL(`http://[${address}]/`).hostname;
}
