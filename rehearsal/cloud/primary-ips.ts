import { z } from "zod";
import { actionView } from "./action-routes.ts";
import { assertNotProtected, assertUniqueName, type Books, locationNamed } from "./books.ts";
import { DATACENTERS, LOCATIONS } from "./catalog.ts";
import { ApiError, invalidField } from "./errors.ts";
import { listing } from "./listing.ts";
import type { ActionRecord, PrimaryIpRecord } from "./records.ts";
import { empty, get, id, labels, name, post, put, remove, rename, renaming, type Route } from "./route.ts";

const creation = z.object({
  name,
  type: z.enum(["ipv4", "ipv6"]),
  assignee_type: z.literal("server").nullish(),
  assignee_id: id.nullish(),
  auto_delete: z.boolean().nullish(),
  location: z.string().nullish(),
  datacenter: z.string().nullish(),
  labels,
});

function view(ip: PrimaryIpRecord): object {
  return {
    id: ip.id,
    name: ip.name,
    type: ip.type,
    ip: ip.ip,
    labels: ip.labels,
    created: ip.created,
    blocked: false,
    assignee_id: ip.assignee,
    assignee_type: "server",
    auto_delete: ip.autoDelete,
    protection: { delete: ip.protected },
    dns_ptr: ip.type === "ipv4" ? [{ ip: ip.ip, dns_ptr: dnsPtr(ip.ip) }] : [],
    location: LOCATIONS.find((it) => it.name === ip.location),
  };
}

/** The name Hetzner gives an address until its owner sets another. */
export function dnsPtr(ipv4: string): string {
  return `static.${ipv4.split(".").toReversed().join(".")}.clients.your-server.de`;
}

export const primaryIpRoutes: readonly Route[] = [
  get("/primary_ips", ({ books, query }) => {
    const address = query.get("ip");
    const { items, meta } = listing([...books.primaryIps.values()].filter((it) => address === null || it.ip === address), query);
    return { primary_ips: items.map(view), meta };
  }),
  get("/primary_ips/{id}", ({ books, id: ipId }) => ({ primary_ip: view(books.primaryIp(ipId)) })),
  post("/primary_ips", creation, ({ books, body }) => {
    assertUniqueName(books.primaryIps, "primary IP", body.name);
    const datacenter = DATACENTERS.find((it) => it.name === body.datacenter);
    const assignee = typeof body.assignee_id === "number" ? books.server(body.assignee_id) : undefined;
    const location = body.location ?? datacenter?.location ?? assignee?.location;
    if (location === undefined) throw invalidField("location", "is required without an assignee_id");
    if (assignee !== undefined) assertAssignable(books, assignee.id, body.type);
    const ip = createPrimaryIp(books, { name: body.name, labels: body.labels, type: body.type, location: locationNamed(location).name, autoDelete: body.auto_delete ?? false });
    if (assignee === undefined) return { primary_ip: view(ip), action: null };
    ip.assignee = assignee.id;
    return { primary_ip: view(ip), action: actionView(readdress(books, "create_primary_ip", ip, assignee.id)) };
  }),
  put("/primary_ips/{id}", renaming.extend({ auto_delete: z.boolean().nullish() }), ({ books, id: ipId, body }) => {
    const ip = books.primaryIp(ipId);
    if (typeof body.name === "string") assertUniqueName(books.primaryIps, "primary IP", body.name, ipId);
    rename(ip, body);
    ip.autoDelete = body.auto_delete ?? ip.autoDelete;
    return { primary_ip: view(ip) };
  }),
  remove("/primary_ips/{id}", ({ books, id: ipId }) => {
    const ip = books.primaryIp(ipId);
    assertNotProtected(ip.protected, "primary IP");
    // The API unassigns by itself, but only from a server that is off.
    if (ip.assignee !== null) assertOff(books, ip.assignee);
    books.primaryIps.delete(ipId);
    return undefined;
  }),
  post("/primary_ips/{id}/actions/assign", z.object({ assignee_id: id, assignee_type: z.literal("server").nullish() }), ({ books, id: ipId, body }) => {
    const ip = books.primaryIp(ipId);
    const server = books.server(body.assignee_id);
    if (ip.assignee !== null) throw new ApiError("primary_ip_already_assigned", `primary IP '${ipId}' is already assigned to server '${ip.assignee}'`);
    if (ip.location !== server.location) throw new ApiError("primary_ip_datacenter_mismatch", `primary IP is in ${ip.location}, the server in ${server.location}`);
    assertAssignable(books, server.id, ip.type);
    ip.assignee = server.id;
    return { action: actionView(readdress(books, "assign_primary_ip", ip, server.id)) };
  }),
  post("/primary_ips/{id}/actions/unassign", empty, ({ books, id: ipId }) => {
    const ip = books.primaryIp(ipId);
    if (ip.assignee === null) throw new ApiError("unsupported_error", `primary IP '${ipId}' is not assigned`);
    assertOff(books, ip.assignee);
    const server = ip.assignee;
    ip.assignee = null;
    return { action: actionView(readdress(books, "unassign_primary_ip", ip, server)) };
  }),
  post("/primary_ips/{id}/actions/change_protection", z.object({ delete: z.boolean() }), ({ books, id: ipId, body }) => {
    books.primaryIp(ipId).protected = body.delete;
    return { action: actionView(books.actions.start("change_protection", [{ type: "primary_ip", id: ipId }], () => undefined)) };
  }),
];

/** @throws {ApiError} resource_unavailable when no address is left */
export function createPrimaryIp(books: Books, of: { name: string; labels: Record<string, string>; type: "ipv4" | "ipv6"; location: string; autoDelete: boolean }): PrimaryIpRecord {
  const ipId = books.nextId();
  const ip: PrimaryIpRecord = { ...of, id: ipId, ip: books.allocateAddress(of.type, ipId), created: new Date().toISOString(), assignee: null, protected: false };
  books.primaryIps.set(ipId, ip);
  return ip;
}

/** Tell the machine of its new address; the books go back when it cannot have it. */
function readdress(books: Books, command: string, ip: PrimaryIpRecord, server: number): ActionRecord {
  const before = ip.assignee === null ? server : null;
  return books.actions.start(command, [{ type: "primary_ip", id: ip.id }, { type: "server", id: server }], async () => {
    if (ip.type === "ipv6") return;
    if (books.machines.setPublicAddress === undefined) throw new Error("these machines keep the address they were created with");
    await books.machines.setPublicAddress(server, ip.assignee === null ? null : ip.ip);
  }, () => {
    ip.assignee = before;
  });
}

function assertAssignable(books: Books, server: number, type: "ipv4" | "ipv6"): void {
  assertOff(books, server);
  if (books.primaryIpOf(server, type) !== undefined) throw new ApiError(type === "ipv4" ? "server_has_ipv4" : "server_has_ipv6", `server '${server}' already has an ${type} address`);
}

function assertOff(books: Books, server: number): void {
  const { status } = books.server(server);
  if (status !== "off") throw new ApiError("server_not_stopped", `server '${server}' must be off, is ${status}`);
}
