import { imageView, serverTypeView } from "./catalog-routes.ts";
import type { Books } from "./books.ts";
import { DATACENTERS, IMAGES, LOCATIONS } from "./catalog.ts";
import { dnsPtr } from "./primary-ips.ts";
import type { ServerRecord } from "./records.ts";

/** A server as the API shows it. */
export function serverView(books: Books, server: ServerRecord): object {
  const image = IMAGES.find((it) => it.id === server.imageId);
  const location = LOCATIONS.find((it) => it.name === server.location);
  const datacenter = DATACENTERS.find((it) => it.location === server.location);
  return {
    id: server.id,
    name: server.name,
    labels: server.labels,
    created: server.created,
    status: server.status,
    locked: books.actions.isLocked({ type: "server", id: server.id }),
    server_type: serverTypeView(books.serverType(server.type)),
    image: image === undefined ? null : imageView(image),
    location,
    datacenter: { ...datacenter, description: location?.description, location, server_types: { supported: [], available: [], available_for_migration: [] } },
    public_net: publicNet(books, server),
    private_net: server.privateNets.map((net) => ({ network: net.network, ip: net.ip, alias_ips: net.aliasIps, mac_address: net.macAddress })),
    volumes: books.volumesOf(server.id).map((volume) => volume.id),
    load_balancers: [],
    primary_disk_size: server.diskGb,
    protection: { delete: server.protectedDelete, rebuild: server.protectedRebuild },
    backup_window: null,
    rescue_enabled: false,
    iso: null,
    placement_group: null,
    included_traffic: 21_990_232_555_520,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
  };
}

function publicNet(books: Books, server: ServerRecord): object {
  const ipv4 = books.primaryIpOf(server.id, "ipv4");
  const ipv6 = books.primaryIpOf(server.id, "ipv6");
  return {
    ipv4: ipv4 === undefined ? null : { id: ipv4.id, ip: ipv4.ip, blocked: false, dns_ptr: dnsPtr(ipv4.ip) },
    ipv6: ipv6 === undefined ? null : { id: ipv6.id, ip: ipv6.ip, blocked: false, dns_ptr: [] },
    floating_ips: [],
    firewalls: books.firewallsOf(server).map((firewall) => ({ id: firewall.id, status: "applied" })),
  };
}
