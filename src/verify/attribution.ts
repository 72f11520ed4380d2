import { type Client, isLocal, kindOf } from "../redis/clients.ts";
import type { Connection } from "./types.ts";
import type { Facts } from "./seen.ts";

/** Whose connection is it: by the address it comes from. */

/** Address -> holder: service of the project, `host`, or the name of a stranger's container. */
export type Holders = ReadonlyMap<string, string>;

/** The service `verify` is left out: the verifier's own connections are excluded by their ids, and a second verifier is a stranger. */
export function holdersOf({ host, seen }: Facts): Holders {
  const holders = new Map(seen.names);
  if (!host.containers.known) return holders;
  for (const container of host.containers.value) for (const gateway of container.gateways) holders.set(gateway, "host");
  for (const container of host.containers.value) {
    const holder = container.service === "" || container.oneOff ? container.name : container.service;
    for (const address of container.addresses) holders.set(address, holder);
  }
  return holders;
}

/** Connections to judge: all but those from inside Redis's own container, which are its health check's. */
export function connectionsOf(clients: readonly Client[], holders: Holders, queues: readonly string[]): Connection[] {
  return clients.filter((client) => !isLocal(client)).map((client) => ({
    id: client.id,
    address: client.address,
    name: client.name,
    kind: kindOf(client, queues),
    holder: holders.get(client.host) ?? "unknown",
    ageSeconds: client.ageSeconds ?? 0,
    lastCommand: client.lastCommand ?? "",
  }));
}

/** One connection in words that let a person find it. */
export function nameConnection(connection: Connection): string {
  const name = connection.name === "" ? "unnamed" : `"${connection.name}"`;
  const last = connection.lastCommand === "" ? "" : `, last command ${connection.lastCommand}`;
  return `${connection.holder} ${connection.address} ${name}, age ${connection.ageSeconds} s${last}`;
}
