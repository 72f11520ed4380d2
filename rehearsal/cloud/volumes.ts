import { z } from "zod";
import { actionView } from "./action-routes.ts";
import { assertNotProtected, assertUniqueName, type Books, locationNamed } from "./books.ts";
import { LOCATIONS } from "./catalog.ts";
import { ApiError, invalidField } from "./errors.ts";
import { listing } from "./listing.ts";
import type { ActionRecord, VolumeRecord } from "./records.ts";
import { empty, get, id, idOrName, labels, name, post, put, remove, rename, renaming, type Route } from "./route.ts";

const size = z.int().min(10, "must be at least 10").max(10_240, "must be at most 10240");
const creation = z.object({
  name,
  size,
  labels,
  location: idOrName.nullish(),
  server: id.nullish(),
  automount: z.boolean().nullish(),
  format: z.enum(["ext4", "xfs"]).nullish(),
});

function view(volume: VolumeRecord): object {
  return {
    id: volume.id,
    name: volume.name,
    labels: volume.labels,
    created: volume.created,
    server: volume.server,
    status: volume.status,
    location: LOCATIONS.find((it) => it.name === volume.location),
    size: volume.sizeGb,
    format: volume.format,
    protection: { delete: volume.protected },
    linux_device: linuxDevice(volume.id),
  };
}

/** Where a server finds the volume. */
export function linuxDevice(volumeId: number): string {
  return `/dev/disk/by-id/scsi-0HC_Volume_${volumeId}`;
}

export const volumeRoutes: readonly Route[] = [
  get("/volumes", ({ books, query }) => {
    const { items, meta } = listing(books.volumes.values(), query);
    return { volumes: items.map(view), meta };
  }),
  get("/volumes/{id}", ({ books, id: volumeId }) => ({ volume: view(books.volume(volumeId)) })),
  post("/volumes", creation, ({ books, body }) => {
    assertUniqueName(books.volumes, "volume", body.name);
    const server = typeof body.server === "number" ? books.server(body.server) : undefined;
    const location = body.location ?? server?.location;
    if (location === undefined) throw invalidField("location", "is required without a server");
    if (server !== undefined) books.actions.assertUnlocked({ type: "server", id: server.id });
    const volume: VolumeRecord = {
      id: books.nextId(), name: body.name, labels: body.labels, created: new Date().toISOString(), status: "creating", sizeGb: body.size,
      location: locationNamed(location).name, format: body.format ?? null, server: null, protected: false,
    };
    books.volumes.set(volume.id, volume);
    const answer = view(volume);
    const created = books.actions.start("create_volume", [{ type: "volume", id: volume.id }], async () => {
      await books.machines.createVolume({ id: volume.id, sizeGb: volume.sizeGb, format: volume.format });
      volume.status = "available";
    }, () => {
      books.volumes.delete(volume.id);
    });
    const next = server === undefined ? [] : [attachVolume(books, volume, server.id)];
    return { volume: answer, action: actionView(created), next_actions: next.map(actionView) };
  }),
  put("/volumes/{id}", renaming, ({ books, id: volumeId, body }) => {
    const volume = books.volume(volumeId);
    if (typeof body.name === "string") assertUniqueName(books.volumes, "volume", body.name, volumeId);
    rename(volume, body);
    return { volume: view(volume) };
  }),
  remove("/volumes/{id}", ({ books, id: volumeId }) => {
    const volume = books.volume(volumeId);
    assertNotProtected(volume.protected, "volume");
    books.actions.assertUnlocked({ type: "volume", id: volumeId });
    if (volume.server !== null) throw new ApiError("resource_in_use", `volume with ID '${volumeId}' is still attached to server '${volume.server}'`);
    books.volumes.delete(volumeId);
    // The API answers 204 at once; the block device goes behind its back.
    books.actions.start("delete_volume", [{ type: "volume", id: volumeId }], () => books.machines.deleteVolume(volumeId));
    return undefined;
  }),
  post("/volumes/{id}/actions/attach", z.object({ server: id, automount: z.boolean().nullish() }), ({ books, id: volumeId, body }) => {
    const volume = books.volume(volumeId);
    const server = books.server(body.server);
    if (volume.server !== null) throw new ApiError("volume_already_attached", `volume '${volumeId}' is already attached to server '${volume.server}'`);
    books.actions.assertUnlocked({ type: "volume", id: volumeId });
    books.actions.assertUnlocked({ type: "server", id: server.id });
    return { action: actionView(attachVolume(books, volume, server.id)) };
  }),
  post("/volumes/{id}/actions/detach", empty, ({ books, id: volumeId }) => {
    const volume = books.volume(volumeId);
    if (volume.server === null) throw new ApiError("unsupported_error", `volume '${volumeId}' is not attached`);
    books.actions.assertUnlocked({ type: "volume", id: volumeId });
    return { action: actionView(detachVolume(books, volume, volume.server)) };
  }),
  post("/volumes/{id}/actions/resize", z.object({ size }), ({ books, id: volumeId, body }) => {
    const volume = books.volume(volumeId);
    if (body.size <= volume.sizeGb) throw invalidField("size", `must be larger than the present ${volume.sizeGb}`);
    books.actions.assertUnlocked({ type: "volume", id: volumeId });
    return {
      action: actionView(books.actions.start("resize_volume", [{ type: "volume", id: volumeId }], async () => {
        await books.machines.resizeVolume(volumeId, body.size);
        volume.sizeGb = body.size;
      })),
    };
  }),
  post("/volumes/{id}/actions/change_protection", z.object({ delete: z.boolean().nullish() }), ({ books, id: volumeId, body }) => {
    const volume = books.volume(volumeId);
    volume.protected = body.delete ?? volume.protected;
    return { action: actionView(books.actions.start("change_protection", [{ type: "volume", id: volumeId }], () => undefined)) };
  }),
];

/** @throws {ApiError} invalid_input when volume and server stand in different places */
export function attachVolume(books: Books, volume: VolumeRecord, serverId: number): ActionRecord {
  const { location } = books.server(serverId);
  if (location !== volume.location) throw invalidField("server", `must be in the volume's location ${volume.location}, is in ${location}`);
  volume.server = serverId;
  return books.actions.start("attach_volume", [{ type: "server", id: serverId }, { type: "volume", id: volume.id }],
    () => books.machines.attachVolume(volume.id, serverId),
    () => {
      volume.server = null;
    });
}

/** The volume stays the server's until the machine has let go of it. */
export function detachVolume(books: Books, volume: VolumeRecord, serverId: number): ActionRecord {
  return books.actions.start("detach_volume", [{ type: "server", id: serverId }, { type: "volume", id: volume.id }], async () => {
    await books.machines.detachVolume(volume.id);
    volume.server = null;
  });
}
