import { DATACENTERS, IMAGES, type Image, LOCATIONS, SERVER_TYPES, type ServerType } from "./catalog.ts";
import { notFound } from "./errors.ts";
import { listing } from "./listing.ts";
import { get, type Route } from "./route.ts";

/** When everything in the catalogue came to be; it has no meaning but must be a date. */
const LONG_AGO = "2025-01-01T00:00:00+00:00";

export function serverTypeView(type: ServerType): object {
  return {
    id: type.id,
    name: type.name,
    description: type.name.toUpperCase(),
    category: type.category,
    cores: type.cores,
    memory: type.memoryGb,
    disk: type.diskGb,
    storage_type: "local",
    cpu_type: type.cpu,
    architecture: type.architecture,
    deprecated: false,
    deprecation: null,
    included_traffic: 0,
    prices: [],
    locations: LOCATIONS.filter((it) => type.locations.includes(it.name)).map((it) => ({ id: it.id, name: it.name, recommended: true, available: true, deprecation: null })),
  };
}

export function imageView(image: Image): object {
  return {
    id: image.id,
    type: "system",
    status: "available",
    name: image.name,
    description: `${image.flavor[0]?.toUpperCase() ?? ""}${image.flavor.slice(1)} ${image.version}`,
    image_size: null,
    disk_size: 5,
    created: LONG_AGO,
    created_from: null,
    bound_to: null,
    os_flavor: image.flavor,
    os_version: image.version,
    architecture: image.architecture,
    rapid_deploy: true,
    protection: { delete: false },
    deprecated: null,
    deleted: null,
    labels: {},
  };
}

function datacenterView(datacenter: (typeof DATACENTERS)[number]): object {
  const location = LOCATIONS.find((it) => it.name === datacenter.location);
  const ids = SERVER_TYPES.filter((it) => it.locations.includes(datacenter.location)).map((it) => it.id);
  return {
    id: datacenter.id,
    name: datacenter.name,
    description: location?.description ?? "",
    location,
    server_types: { supported: ids, available: ids, available_for_migration: ids },
  };
}

/** Lists and single entries of what cannot be changed. */
export const catalogRoutes: readonly Route[] = [
  ...readOnly("server_type", "/server_types", SERVER_TYPES, serverTypeView),
  ...readOnly("location", "/locations", LOCATIONS, (it) => it),
  ...readOnly("datacenter", "/datacenters", DATACENTERS, datacenterView),
  ...readOnly("image", "/images", IMAGES, imageView),
];

function readOnly<T extends { readonly id: number; readonly name: string }>(kind: string, path: string, all: readonly T[], view: (item: T) => object): Route[] {
  return [
    get(path, ({ query }) => {
      const architectures = query.getAll("architecture");
      const types = query.getAll("type");
      const matching = all.filter((item) =>
        (architectures.length === 0 || !("architecture" in item) || architectures.includes(String(item.architecture))) &&
        // Of images: the catalogue holds only Hetzner's own, none of the account's snapshots or backups.
        (types.length === 0 || types.includes("system")));
      const { items, meta } = listing(matching.map((item) => ({ ...item, labels: {}, status: "available", item })), query);
      return { [`${kind}s`]: items.map(({ item }) => view(item)), meta };
    }),
    get(`${path}/{id}`, ({ id }) => {
      const item = all.find((it) => it.id === id);
      if (item === undefined) throw notFound(kind, id);
      return { [kind]: view(item) };
    }),
  ];
}
