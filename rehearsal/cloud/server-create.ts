import { z } from "zod";
import { actionView } from "./action-routes.ts";
import { assertUniqueName, type Books, locationNamed } from "./books.ts";
import { byIdOrName, DATACENTERS, IMAGES, SERVER_TYPES, type ServerType } from "./catalog.ts";
import { ApiError, invalidField } from "./errors.ts";
import { enterNetwork } from "./networks.ts";
import { createPrimaryIp } from "./primary-ips.ts";
import type { ActionRecord, PrimaryIpRecord, ServerRecord } from "./records.ts";
import { id, idOrName, labels } from "./route.ts";
import { attachNetwork } from "./server-actions.ts";
import { serverView } from "./server-view.ts";
import { attachVolume } from "./volumes.ts";

/** Hetzner's bound on user data, in bytes. */
const MAX_USER_DATA = 32_768;

/** A server's name is its host name: RFC 1123. */
export const serverName = z.string().max(63).regex(/^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$/, "is not a valid hostname");

export const serverCreation = z.object({
  name: serverName,
  server_type: idOrName,
  image: idOrName,
  location: idOrName.nullish(),
  datacenter: idOrName.nullish(),
  ssh_keys: z.array(idOrName).nullish(),
  volumes: z.array(id).nullish(),
  networks: z.array(id).nullish(),
  firewalls: z.array(z.object({ firewall: id })).nullish(),
  user_data: z.string().refine((text) => Buffer.byteLength(text) <= MAX_USER_DATA, `must be at most ${MAX_USER_DATA} bytes`).nullish(),
  labels,
  automount: z.boolean().nullish(),
  start_after_create: z.boolean().nullish(),
  public_net: z.object({ enable_ipv4: z.boolean().default(true), enable_ipv6: z.boolean().default(true), ipv4: id.nullish(), ipv6: id.nullish() }).nullish(),
});

/** Everything is judged before anything is entered in the books; then the machine is made as an action. */
export function createServer(books: Books, body: z.infer<typeof serverCreation>): object {
  assertUniqueName(books.servers, "server", body.name);
  const type = byIdOrName(SERVER_TYPES, body.server_type);
  if (type === undefined) throw invalidField("server_type", `server type '${body.server_type}' does not exist`);
  const location = placeOf(books, body, type);
  const image = byIdOrName(IMAGES.filter((it) => it.architecture === type.architecture || it.id === body.image), body.image);
  if (image === undefined) throw invalidField("image", `image '${body.image}' does not exist for architecture ${type.architecture}`);
  if (image.architecture !== type.architecture) throw invalidField("image", `image is for ${image.architecture}, the server type for ${type.architecture}`);
  const keys = (body.ssh_keys ?? []).map((key) => sshKey(books, key));
  const volumes = (body.volumes ?? []).map((volume) => books.volume(volume));
  for (const volume of volumes) {
    if (volume.server !== null) throw new ApiError("volume_already_attached", `volume '${volume.id}' is already attached to server '${volume.server}'`);
    if (volume.location !== location) throw invalidField("volumes", `volume '${volume.id}' must be in ${location}, is in ${volume.location}`);
  }
  const firewalls = (body.firewalls ?? []).map((it) => books.firewall(it.firewall));
  const networks = (body.networks ?? []).map((network) => books.network(network));
  const addresses = (["ipv4", "ipv6"] as const).flatMap((version) => givenAddress(books, body, version, location));

  const server: ServerRecord = {
    id: books.nextId(), name: body.name, labels: body.labels, created: new Date().toISOString(), status: "initializing", type: type.name, diskGb: type.diskGb,
    imageId: image.id, location, privateNets: [], protectedDelete: false, protectedRebuild: false,
  };
  for (const address of addresses) (typeof address === "function" ? address(server.id) : address).assignee = server.id;
  books.servers.set(server.id, server);
  for (const firewall of firewalls) firewall.targets.push({ type: "server", server: server.id });

  const start = body.start_after_create ?? true;
  const ref = { type: "server", id: server.id } as const;
  const created = books.actions.start("create_server", [ref], async () => {
    const ipv6 = books.primaryIpOf(server.id, "ipv6");
    await books.machines.createServer({
      id: server.id,
      name: server.name,
      ipv4: books.primaryIpOf(server.id, "ipv4")?.ip ?? null,
      ipv6: ipv6 === undefined ? null : ipv6.ip.replace("::/64", "::1"),
      image: image.name,
      userData: body.user_data ?? "",
      sshKeys: keys.map((key) => key.publicKey),
      memoryMb: type.memoryGb * 1024,
      cores: type.cores,
      diskGb: type.diskGb,
      location,
      start,
    });
    await books.applyFirewalls(server.id);
    server.status = start ? "running" : "off";
  }, async () => {
    books.forget(server);
    await books.machines.deleteServer(server.id);
  });
  const next: ActionRecord[] = start ? [books.actions.start("start_server", [ref], () => alive(books, server))] : [];
  for (const volume of volumes) next.push(attachVolume(books, volume, server.id));
  for (const network of networks) next.push(attachNetwork(books, server, enterNetwork(books, server, network.id, null)));
  return {
    server: serverView(books, server),
    action: actionView(created),
    next_actions: next.map(actionView),
    // Without a key the API invents a password and mails it; the stand-in's servers take no passwords.
    root_password: keys.length === 0 ? "not-set-by-the-stand-in" : null,
  };
}

/** The actions after a creation that failed must fail too. */
function alive(books: Books, server: ServerRecord): void {
  if (!books.servers.has(server.id)) throw new Error("the server was not created");
}

function placeOf(books: Books, body: z.infer<typeof serverCreation>, type: ServerType): string {
  const datacenter = typeof body.datacenter === "string" || typeof body.datacenter === "number" ? byIdOrName(DATACENTERS, body.datacenter) : undefined;
  const address = body.public_net?.ipv4 ?? body.public_net?.ipv6;
  const given = body.location ?? datacenter?.location ?? (typeof address === "number" ? books.primaryIp(address).location : type.locations[0] ?? "fsn1");
  const location = locationNamed(given).name;
  if (!type.locations.includes(location)) throw new ApiError("invalid_input", `unsupported location for server type`, { fields: [{ name: "location", messages: [`${type.name} is offered in ${type.locations.join(", ")}`] }] });
  return location;
}

function sshKey(books: Books, given: number | string): { readonly publicKey: string } {
  const key = byIdOrName([...books.sshKeys.values()], given);
  if (key === undefined) throw invalidField("ssh_keys", `SSH key '${given}' not found`);
  return key;
}

/** The primary IP named in the request, one to be made once everything else was judged, or none. */
function givenAddress(books: Books, body: z.infer<typeof serverCreation>, version: "ipv4" | "ipv6", location: string): (PrimaryIpRecord | ((server: number) => PrimaryIpRecord))[] {
  const net = body.public_net;
  const enabled = version === "ipv4" ? net?.enable_ipv4 : net?.enable_ipv6;
  const wanted = version === "ipv4" ? net?.ipv4 : net?.ipv6;
  if (enabled === false) return [];
  if (typeof wanted !== "number") {
    return [(server) => createPrimaryIp(books, { name: `primary_ip-${server}-${version}`, labels: {}, type: version, location, autoDelete: true })];
  }
  const ip = books.primaryIp(wanted);
  if (ip.type !== version) throw new ApiError("primary_ip_version_mismatch", `primary IP '${ip.id}' is ${ip.type}, required is ${version}`);
  if (ip.assignee !== null) throw new ApiError("primary_ip_assigned", `primary IP '${ip.id}' is already assigned to server '${ip.assignee}'`);
  if (ip.location !== location) throw new ApiError("primary_ip_datacenter_mismatch", `primary IP is in ${ip.location}, the server in ${location}`);
  return [ip];
}
