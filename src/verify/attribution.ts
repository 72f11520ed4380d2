import { type Client, isLocal, kindOf } from "../redis/clients.ts";
import { managedConnections } from "./managed-connections.ts";
import type { Connection, Expectations, Instance, NodeExpectation } from "./types.ts";
import type { Facts } from "./seen.ts";

/** Whose connection is it: by the address it comes from. */

/** Address, or address and port -> holder: service of the project, `host`, or the name of a stranger's container. */
export type Holders = ReadonlyMap<string, string>;

/** The service `verify` is left out: the verifier's own connections are excluded by their ids, and a second verifier is a stranger. */
export function holdersOf(facts: Facts, { node }: Pick<Expectations, "node"> = {}): Holders {
  if (node?.redis === "elsewhere") return holdersAcross(facts, node);
  const { host, seen } = facts;
  const holders = new Map(seen.names);
  // Other nodes' processes come under their node's address.
  for (const { address, holder } of [...(node?.instances ?? []), ...(node?.others ?? [])]) if (address !== null) holders.set(address, holder);
  if (!host.containers.known) return holders;
  for (const container of host.containers.value) for (const gateway of container.gateways) holders.set(gateway, "host");
  for (const container of host.containers.value) {
    const holder = container.service === "" || container.oneOff ? container.name : container.service;
    for (const address of container.addresses) holders.set(address, holder);
  }
  return holders;
}

/** Where Redis is on another node: it sees what comes from here under this node's address, and the host knows which container has which port. */
function holdersAcross({ host }: Facts, node: NodeExpectation): Holders {
  const holders = new Map<string, string>();
  const at = (address: string | null): Instance[] => node.instances.filter((instance) => instance.address === address);
  const [onRedisNode, ...more] = at(null);
  if (onRedisNode !== undefined && more.length === 0) holders.set(ANYWHERE_ELSE, onRedisNode.holder);
  for (const { address, holder } of node.instances) if (address !== null && at(address).length === 1) holders.set(address, holder);
  if (!host.sockets.known || !host.containers.known) return holders;
  const names = new Map(host.containers.value.map((container) => [container.id, container.service === "" || container.oneOff ? container.name : container.service]));
  for (const [port, id] of host.sockets.value) holders.set(`${node.address}:${port}`, names.get(id) ?? "unknown");
  return holders;
}

/** Key of the holder whose address on Redis's own node this one cannot know. */
const ANYWHERE_ELSE = "*";

/** Address -> name of the project's container that has it. Redis on another node sees its own containers by such addresses, and none of this one's. */
function containerNames({ host }: Facts, { node }: Expectations): ReadonlyMap<string, string> {
  if (!host.containers.known || node?.redis === "elsewhere") return new Map();
  return new Map(host.containers.value.flatMap(({ name, addresses }) => addresses.map((address): [string, string] => [address, name])));
}

/** Connections to judge: all but those from inside Redis's own container, which are its health check's. */
export function connectionsOf(clients: readonly Client[], holders: Holders, queues: readonly string[], names: ReadonlyMap<string, string> = new Map()): Connection[] {
  return clients.filter((client) => !isLocal(client)).map((client) => ({
    id: client.id,
    address: client.address,
    name: client.name,
    kind: kindOf(client, queues),
    holder: holders.get(client.address) ?? holders.get(client.host) ?? holders.get(ANYWHERE_ELSE) ?? "unknown",
    ...(names.has(client.host) ? { container: names.get(client.host) ?? "" } : {}),
    ageSeconds: client.ageSeconds ?? 0,
    lastCommand: client.lastCommand ?? "",
  }));
}

/** The connections to judge, whichever Redis it is; none while the list is not known. */
export function attributed(facts: Facts, expectations: Expectations): readonly Connection[] {
  const { clients, ownHost } = facts.seen.redis;
  if (!clients.known) return [];
  if (expectations.redis.managed !== null) return managedConnections(clients.value, ownHost, expectations).own;
  return connectionsOf(clients.value, holdersOf(facts, expectations), expectations.queues, containerNames(facts, expectations));
}

/** One connection in words that let a person find it. */
export function nameConnection(connection: Connection): string {
  const name = connection.name === "" ? "unnamed" : `"${connection.name}"`;
  const last = connection.lastCommand === "" ? "" : `, last command ${connection.lastCommand}`;
  const holder = connection.container === undefined || connection.container === connection.holder ? connection.holder : `${connection.holder} (${connection.container})`;
  return `${holder} ${connection.address} ${name}, age ${connection.ageSeconds} s${last}`;
}
