import { FREE_PER_AOF, ROOT_FREE, VOLUME_FREE } from "../../redis/sizing.ts";
import type { Container, Disk, MountPoint } from "../host-facts.ts";
import { onServer } from "../advice.ts";
import type { Facts } from "../seen.ts";
import { containersOf } from "../services.ts";
import type { Check, Expectations } from "../types.ts";
import { fail, pass, unknown, verdict } from "../verdict.ts";
import { bytes, percent, shown } from "../words.ts";

/** The host: is the data on the volume, is there room. */

/** Whether `path` is `directory` or below it. */
export function within(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}

function mountPointOf(mounts: readonly MountPoint[], path: string): MountPoint | undefined {
  // The later of two mounts on one path covers the earlier.
  return mounts.filter((mount) => within(path, mount.path)).toReversed().toSorted((a, b) => b.path.length - a.path.length)[0];
}

/** Where a directory of a container is on the host; `undefined` when it is in the container itself, and dies with it. */
function hostPath(container: Container, directory: string): string | undefined {
  const mount = container.mounts.filter(({ destination }) => within(directory, destination)).toSorted((a, b) => b.destination.length - a.destination.length)[0];
  return mount === undefined ? undefined : mount.source + directory.slice(mount.destination.replace(/\/$/, "").length);
}

const NOT_MOUNTED = `${onServer("systemctl restart berth-volume")} mounts it. It stops the application for that, and starts it again.`;

function covered(mount: string): string {
  return `Something is mounted over the volume, and the services go on below. What it is: \`berth ssh -- findmnt ${mount}\`; away with it: ${onServer("umount", mount)}.`;
}

export function hostVolume({ host, seen }: Facts, { volume, images }: Expectations): Check {
  if (volume === null) return pass("host.volume", "nothing is kept on this node", "nothing is kept on this node");
  const kept = [...("redis" in images ? ["Redis"] : []), ...("postgres" in images ? ["Postgres"] : [])];
  const data = `data of ${kept.length === 0 ? "the proxy" : kept.join(" and ")} on it`;
  const expected = `volume ${volume.id} at ${volume.mount}, ${data}`;
  if (!host.volume.known) return unknown("host.volume", host.volume.why, expected);
  if (!host.mounts.known) return unknown("host.volume", host.mounts.why, expected);
  if (!host.containers.known) return unknown("host.volume", host.containers.why, expected);
  const { device, sentinel } = host.volume.value;
  const mount = mountPointOf(host.mounts.value, volume.mount);
  if (mount?.path !== volume.mount) return fail("host.volume", `nothing is mounted at ${volume.mount}`, expected, NOT_MOUNTED);
  if (device === "" || mount.source !== device) {
    const isBelow = host.mounts.value.some(({ path, source }) => path === volume.mount && source === device);
    return fail("host.volume", `${volume.mount} is ${mount.source}, the volume's device is ${shown(device)}`, expected, ...(isBelow ? [covered(volume.mount)] : []));
  }
  if (sentinel !== volume.id) return fail("host.volume", `${volume.mount}/.berth-volume says ${shown(sentinel)}`, expected);

  const directories = [
    { service: "redis", directory: seen.redis.config.known ? seen.redis.config.value.get("dir") : undefined },
    { service: "postgres", directory: seen.postgres.known ? seen.postgres.value.dataDirectory : undefined },
  ].filter(({ service }) => service in images);
  const faults: string[] = [];
  for (const { service, directory } of directories) {
    const container = containersOf(host.containers.value, service)[0];
    if (container === undefined) return unknown("host.volume", `${service} has no container to look at`, expected);
    if (directory === undefined) return unknown("host.volume", `${service} does not answer where its data directory is`, expected);
    const path = hostPath(container, directory);
    if (path === undefined) faults.push(`${service} keeps its data in the container (${directory})`);
    else if (mountPointOf(host.mounts.value, path) !== mount) faults.push(`${service} keeps its data at ${path}, outside the volume`);
  }
  if (faults.length > 0) return verdict("host.volume", faults, "", expected);
  return pass("host.volume", `volume ${volume.id} (${device}) at ${volume.mount}, ${data}`, expected, notGrown(host, volume.mount));
}

/** What ext4 keeps for itself is under 5 %; a file system that is smaller yet was not grown with its device. */
const FILLS_DEVICE = 0.9;

function notGrown({ volume, disks }: Facts["host"], mount: string): string | undefined {
  const device = volume.known ? volume.value.deviceBytes : undefined;
  const size = disks.known ? disks.value.find(({ target }) => target === mount)?.sizeBytes : undefined;
  if (device === undefined || size === undefined || size >= device * FILLS_DEVICE) return undefined;
  return `the file system has ${bytes(size)} of a device of ${bytes(device)}: \`resize2fs\` on the host, or a reboot, grows it`;
}

function free({ availableBytes, sizeBytes }: Disk): string {
  return `${bytes(availableBytes)} free, ${percent(availableBytes, sizeBytes)}`;
}

export function hostDisk({ host }: Facts, { volume }: Expectations): Check {
  if (volume === null) return rootDisk(host);
  const expected = "volume 20 % free and 2 x AOF, root disk 10 % free";
  if (!host.disks.known) return unknown("host.disk", host.disks.why, expected);
  if (!host.aof.known) return unknown("host.disk", host.aof.why, expected);
  const disk = (target: string): Disk | undefined => host.disks.known ? host.disks.value.find((one) => one.target === target) : undefined;
  const [data, root] = [disk(volume.mount), disk("/")];
  if (data === undefined) return fail("host.disk", `no file system is mounted at ${volume.mount}`, expected);
  if (root === undefined) return unknown("host.disk", 'the facts\' section "disk" does not have /', expected);
  const need = host.aof.value * FREE_PER_AOF;
  const faults: string[] = [];
  if (data.availableBytes < data.sizeBytes * VOLUME_FREE) faults.push(`volume: ${free(data)}`);
  if (data.availableBytes < need) faults.push(`volume: ${bytes(data.availableBytes)} free, twice the append-only file is ${bytes(need)}`);
  if (root.availableBytes < root.sizeBytes * ROOT_FREE) faults.push(`root disk: ${free(root)}`);
  return verdict("host.disk", faults, `volume ${free(data)}; root disk ${free(root)}`, expected);
}

/** On a node that keeps nothing. */
function rootDisk(host: Facts["host"]): Check {
  const expected = "root disk 10 % free";
  if (!host.disks.known) return unknown("host.disk", host.disks.why, expected);
  const root = host.disks.value.find(({ target }) => target === "/");
  if (root === undefined) return unknown("host.disk", 'the facts\' section "disk" does not have /', expected);
  return verdict("host.disk", root.availableBytes < root.sizeBytes * ROOT_FREE ? [`root disk: ${free(root)}`] : [], `root disk ${free(root)}`, expected);
}

const MEMORY_FAILS = 0.05;
const MEMORY_WARNS = 0.15;

export function hostMemory({ host }: Facts): Check {
  const expected = "over 5 % available";
  if (!host.memory.known) return unknown("host.memory", host.memory.why, expected);
  const { total, available } = host.memory.value;
  const said = `${bytes(available)} available, ${percent(available, total)} of ${bytes(total)}`;
  if (available < total * MEMORY_FAILS) return fail("host.memory", said, expected);
  return pass("host.memory", said, expected, available < total * MEMORY_WARNS ? "under 15 %: the next peak may be killed" : undefined);
}
