import { z } from "zod";
import { actionView } from "./action-routes.ts";
import { assertNotProtected, assertUniqueName, type Books } from "./books.ts";
import { type Cidr, cidrContains, cidrsOverlap, contains, hostCount, ipv4At, parseCidr } from "./cidr.ts";
import { ApiError, invalidField } from "./errors.ts";
import { listing } from "./listing.ts";
import type { NetworkRecord, PrivateNet, ServerRecord, SubnetRecord } from "./records.ts";
import { get, labels, name, post, put, remove, rename, renaming, type Route } from "./route.ts";

const subnet = z.object({ type: z.enum(["cloud", "server"]), network_zone: z.string().min(1), ip_range: z.string().nullish() });
const creation = z.object({ name, ip_range: z.string(), labels, subnets: z.array(subnet).nullish() });

function view(books: Books, network: NetworkRecord): object {
  return {
    id: network.id,
    name: network.name,
    labels: network.labels,
    created: network.created,
    ip_range: network.ipRange,
    subnets: network.subnets,
    routes: [],
    servers: serversIn(books, network.id).map((server) => server.id),
    load_balancers: [],
    protection: { delete: network.protected },
    expose_routes_to_vswitch: false,
  };
}

export const networkRoutes: readonly Route[] = [
  get("/networks", ({ books, query }) => {
    const { items, meta } = listing(books.networks.values(), query);
    return { networks: items.map((it) => view(books, it)), meta };
  }),
  get("/networks/{id}", ({ books, id }) => ({ network: view(books, books.network(id)) })),
  post("/networks", creation, ({ books, body }) => {
    assertUniqueName(books.networks, "network", body.name);
    ipv4Range("ip_range", body.ip_range);
    const network: NetworkRecord = { id: books.nextId(), name: body.name, labels: body.labels, created: new Date().toISOString(), ipRange: body.ip_range, subnets: [], protected: false };
    for (const it of body.subnets ?? []) network.subnets.push(makeSubnet(network, it));
    books.networks.set(network.id, network);
    return { network: view(books, network) };
  }),
  put("/networks/{id}", renaming, ({ books, id, body }) => {
    const network = books.network(id);
    if (typeof body.name === "string") assertUniqueName(books.networks, "network", body.name, id);
    rename(network, body);
    return { network: view(books, network) };
  }),
  remove("/networks/{id}", ({ books, id }) => {
    const network = books.network(id);
    assertNotProtected(network.protected, "network");
    if (serversIn(books, id).length > 0) throw new ApiError("resource_in_use", `network with ID '${id}' is still in use`);
    books.networks.delete(id);
    return undefined;
  }),
  post("/networks/{id}/actions/add_subnet", subnet, ({ books, id, body }) => {
    const network = books.network(id);
    network.subnets.push(makeSubnet(network, body));
    return { action: actionView(books.actions.start("add_subnet", [{ type: "network", id }], () => undefined)) };
  }),
  post("/networks/{id}/actions/delete_subnet", z.object({ ip_range: z.string() }), ({ books, id, body }) => {
    const network = books.network(id);
    const range = ipv4Range("ip_range", body.ip_range);
    if (!network.subnets.some((it) => it.ip_range === body.ip_range)) throw invalidField("ip_range", "is not a subnet of the network");
    const used = serversIn(books, id).some((server) => server.privateNets.some((net) => net.network === id && contains(range, net.ip)));
    if (used) throw new ApiError("resource_in_use", `subnet ${body.ip_range} still has servers`);
    network.subnets = network.subnets.filter((it) => it.ip_range !== body.ip_range);
    return { action: actionView(books.actions.start("delete_subnet", [{ type: "network", id }], () => undefined)) };
  }),
  post("/networks/{id}/actions/change_protection", z.object({ delete: z.boolean() }), ({ books, id, body }) => {
    books.network(id).protected = body.delete;
    return { action: actionView(books.actions.start("change_protection", [{ type: "network", id }], () => undefined)) };
  }),
];

/**
 * Enter a server into a network: the address asked for, or the next free one of the first subnet that has one.
 * @throws {ApiError} server_already_attached, no_subnet_available, ip_not_available
 */
export function enterNetwork(books: Books, server: ServerRecord, networkId: number, ip: string | null | undefined): PrivateNet {
  const network = books.network(networkId);
  if (server.privateNets.some((net) => net.network === networkId)) throw new ApiError("server_already_attached", `server '${server.id}' is already attached to network '${networkId}'`);
  const taken = new Set(serversIn(books, networkId).flatMap((other) => other.privateNets.filter((net) => net.network === networkId).map((net) => net.ip)));
  const address = typeof ip === "string" && ip !== "" ? requested(network, ip, taken) : nextFree(network, taken);
  const net: PrivateNet = { network: networkId, ip: address, aliasIps: [], macAddress: macOf(books.nextId()) };
  server.privateNets.push(net);
  return net;
}

function requested(network: NetworkRecord, ip: string, taken: ReadonlySet<string>): string {
  const within = network.subnets.some((it) => contains(ipv4Range("ip_range", it.ip_range), ip) && ip !== it.gateway);
  if (!within || taken.has(ip)) throw new ApiError("ip_not_available", `IP ${ip} is not available in network '${network.id}'`);
  return ip;
}

function nextFree(network: NetworkRecord, taken: ReadonlySet<string>): string {
  for (const it of network.subnets) {
    const range = ipv4Range("ip_range", it.ip_range);
    for (let offset = 2; offset < 2 + hostCount(range); offset++) {
      const address = ipv4At(range, offset);
      if (!taken.has(address)) return address;
    }
  }
  throw new ApiError("no_subnet_available", `no subnet or IP is available in network '${network.id}'`);
}

function makeSubnet(network: NetworkRecord, given: z.infer<typeof subnet>): SubnetRecord {
  const outer = ipv4Range("ip_range", network.ipRange);
  const text = given.ip_range ?? network.ipRange;
  const range = ipv4Range("ip_range", text);
  if (!cidrContains(outer, range)) throw invalidField("ip_range", `is not within the network's ${network.ipRange}`);
  if (network.subnets.some((it) => cidrsOverlap(range, ipv4Range("ip_range", it.ip_range)))) throw invalidField("ip_range", "overlaps with another subnet");
  return { type: given.type, network_zone: given.network_zone, ip_range: text, gateway: ipv4At(outer, 1) };
}

function ipv4Range(field: string, text: string): Cidr {
  const range = parseCidr(text);
  if (range?.version !== 4) throw invalidField(field, "is not an IPv4 network in CIDR notation");
  return range;
}

function serversIn(books: Books, network: number): ServerRecord[] {
  return [...books.servers.values()].filter((server) => server.privateNets.some((net) => net.network === network));
}

/** Hetzner's private interfaces have MAC addresses of 86:00:00. */
function macOf(number: number): string {
  return `86:00:00:${[16, 8, 0].map((shift) => ((number >> shift) & 255).toString(16).padStart(2, "0")).join(":")}`;
}
