import { ROOT_FREE, VOLUME_FREE } from "../../redis/sizing.ts";
import { onServer } from "../../verify/advice.ts";
import { hostVolume, within } from "../../verify/checks/host.ts";
import { REWRITE } from "../../verify/rules.ts";
import { bytes, percent } from "../../verify/words.ts";
import type { DoctorFacts, FileSystem, Other } from "../facts.ts";
import type { Cause, Change } from "../types.ts";
import { checkFacts } from "../verify-facts.ts";

/** The disk: is the data on its volume, is there room, who takes it. */

/** Below this nothing can be relied on to be written: ext4 keeps its last blocks for root. */
const FULL_BYTES = 64 * 1024 ** 2;
const FULL_SHARE = 0.02;
const LOW_INODES = 0.05;
/** A stranger takes a disk's space when this much of what is used is its. */
const STRANGER_SHARE = 0.2;
/** Of a directory's bytes. */
const WHOLE_SHARE = 0.9;
const MINUTE_SECONDS = 60;

export function diskVolume(facts: DoctorFacts): Cause[] {
  if (!facts.expectations.known || facts.expectations.value.volume === null) return [];
  const check = hostVolume(checkFacts(facts), facts.expectations.value);
  if (check.status !== "fail") return [];
  return [{
    id: "disk.volume", level: "critical", what: "the data is not on its volume",
    evidence: [check.seen, `expected: ${check.expected}`], next: check.advice,
  }];
}

export function diskSpace(facts: DoctorFacts): Cause[] {
  if (!facts.fileSystems.known) return [];
  return facts.fileSystems.value.flatMap((disk) => [...strangers(facts, disk), ...space(facts, disk), ...inodes(facts, disk)]);
}

function isVolume(facts: DoctorFacts, disk: FileSystem): boolean {
  return facts.expectations.known && disk.target === facts.expectations.value.volume?.mount;
}

function room(disk: FileSystem): string {
  return `${disk.target}: ${bytes(disk.availableBytes)} of ${bytes(disk.sizeBytes)} free (${percent(disk.availableBytes, disk.sizeBytes)})`;
}

function isFull(disk: FileSystem): boolean {
  return disk.availableBytes < FULL_BYTES || disk.availableBytes < disk.sizeBytes * FULL_SHARE;
}

function isLow(facts: DoctorFacts, disk: FileSystem): boolean {
  return disk.availableBytes < disk.sizeBytes * (isVolume(facts, disk) ? VOLUME_FREE : ROOT_FREE);
}

function space(facts: DoctorFacts, disk: FileSystem): Cause[] {
  if (!isLow(facts, disk)) return [];
  const full = isFull(disk);
  const evidence = [room(disk), ...losing(disk), ...takers(facts, disk), ...(full ? refusals(facts) : [])];
  const volume = isVolume(facts, disk);
  return [{
    id: full ? "disk.full" : "disk.low",
    level: full ? "critical" : "warning",
    what: `${volume ? "the data volume" : "the root disk"} ${full ? "is full" : "has little room"}`,
    evidence,
    next: volume
      ? `Delete what is not data on the volume, or make it larger. ${ADOPTED}${full ? rewritten(facts) : ""}`
      : `Make room: \`berth doctor disk\` shows what takes it. Or a server type with a larger disk.${full && refusals(facts).length > 0 ? rewritten(facts) : ""}`,
    changes: volume ? largerVolume(disk) : [{ key: "server.type", to: undefined, hint: "a larger one" }],
  }];
}

/** Its size is not the stack's to set. */
const ADOPTED = "One that was adopted by its id is made larger at Hetzner; what is in it grows at the next update.";

/** Of a Redis here that keeps a file: whether a write was cut short is not to be seen once there is room. */
function rewritten({ expectations, redis }: DoctorFacts): string {
  const isHere = expectations.known && "redis" in expectations.value.images;
  const isOff = redis.config.known && redis.config.value.get("appendonly") === "no";
  return isHere && !isOff ? ` ${REWRITE}.` : "";
}

/** Hetzner's volumes grow in whole GB, while they are mounted. */
function largerVolume(disk: FileSystem): Change[] {
  return [{ key: "volume.sizeGb", to: String(Math.ceil((disk.sizeBytes / 1e9) * 1.5 / 10) * 10) }];
}

function losing({ lossPerSecond, availableBytes, target }: FileSystem): string[] {
  if (lossPerSecond === undefined || lossPerSecond <= 0 || availableBytes <= 0) return [];
  const minutes = availableBytes / lossPerSecond / MINUTE_SECONDS;
  return minutes > 60 ? [] : [`${target} loses ${bytes(Math.round(lossPerSecond))} a second: full in ${Math.max(1, Math.round(minutes))} min`];
}

/** What Redis says of a disk that takes nothing. */
function refusals({ redis }: DoctorFacts): string[] {
  if (!redis.info.known) return [];
  const status = redis.info.value.get("aof_last_write_status");
  return status === undefined || status === "ok" ? [] : [`Redis: aof_last_write_status:${status}; it refuses every write (MISCONF)`];
}

/** The largest things below this file system, the mount point itself left out. */
function below(facts: DoctorFacts, disk: FileSystem): { path: string; bytes: number }[] {
  if (!facts.largest.known) return [];
  const mounts = facts.fileSystems.known ? facts.fileSystems.value.map(({ target }) => target) : [];
  const here = facts.largest.value.filter(({ path }) => path !== disk.target && mounts.filter((mount) => within(path, mount)).toSorted((a, b) => b.length - a.length)[0] === disk.target);
  // A directory that is nearly all one of its own is not told twice.
  return here.filter((one) => !here.some((other) => other !== one && within(other.path, one.path) && other.bytes >= one.bytes * WHOLE_SHARE));
}

function takers(facts: DoctorFacts, disk: FileSystem): string[] {
  const largest = below(facts, disk).toSorted((a, b) => b.bytes - a.bytes).slice(0, 3);
  return largest.length === 0 ? [] : [`largest: ${largest.map(({ path, bytes: size }) => `${path} ${bytes(size)}`).join(", ")}`];
}

/** A container of somebody else's that takes the space: by what it may write to, or by its own layer. */
function strangers(facts: DoctorFacts, disk: FileSystem): Cause[] {
  if (!isLow(facts, disk) || !facts.others.known) return [];
  const used = disk.sizeBytes - disk.availableBytes;
  return facts.others.value.flatMap((other): Cause[] => {
    const { size, where, source } = taken(facts, disk, other);
    if (size < used * STRANGER_SHARE) return [];
    return [{
      id: "disk.foreign", level: "critical",
      what: `container ${other.name}, which is none of the stack's, takes the space of ${isVolume(facts, disk) ? "the data volume" : "the root disk"}`,
      evidence: [
        `${other.name} (image ${shortImage(other.image)}, ${other.running ? "running" : "stopped"}) wrote ${bytes(size)} of the ${bytes(used)} used: ${where}`, room(disk), ...losing(disk),
        ...(isFull(disk) ? refusals(facts) : []),
      ],
      next: [
        ...(other.running ? [`Stop it: ${onServer("docker stop", other.name)}.`] : []),
        source === undefined
          ? "What it wrote is in the container, and goes with it: copy out what is to be kept before you remove it."
          : `Move what it wrote out of ${source}, and give it a disk of its own.`,
        `Meant to stay? Then ${isVolume(facts, disk) ? `the volume must be larger. ${ADOPTED}` : "the disk must be larger."}`,
      ].join(" ") + (isFull(disk) && isVolume(facts, disk) ? rewritten(facts) : ""),
      changes: isVolume(facts, disk) ? largerVolume(disk) : [],
    }];
  });
}

/**
 * Directories that the host and its users fill. Who mounts one of them, or something above it, may write there, and that is no sign that it did: most
 * often it reads logs or makes backups.
 */
const SHARED = ["/var/log/journal", "/var/lib/docker/containers", "/var/cache", "/opt/berth", "/home", "/root", "/tmp"];

/** What is a stranger's own: below the mount point, and not what the stack or the host writes to as well. */
function ownSources(facts: DoctorFacts, disk: FileSystem, other: Other): string[] {
  const { containers } = facts.host;
  const stack = containers.known ? containers.value.flatMap(({ mounts }) => mounts.map(({ source }) => source)) : [];
  return other.writes.filter((source) =>
    source !== disk.target
    && !stack.some((path) => within(path, source) || within(source, path))
    && !SHARED.some((path) => within(path, source)));
}

function taken(facts: DoctorFacts, disk: FileSystem, other: Other): { size: number; where: string; source: string | undefined } {
  const found = ownSources(facts, disk, other).flatMap((source) => below(facts, disk).filter(({ path }) => within(path, source)).map((one) => ({ ...one, source })));
  const mounted = found.toSorted((a, b) => b.bytes - a.bytes)[0];
  if (mounted !== undefined) return { size: mounted.bytes, where: mounted.path, source: mounted.source };
  // Layers lie on the root disk.
  const written = disk.target === "/" ? other.writtenBytes ?? 0 : 0;
  return { size: written, where: "its own layer", source: undefined };
}

function shortImage(reference: string): string {
  return reference.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+$/, "$1");
}

function inodes(facts: DoctorFacts, disk: FileSystem): Cause[] {
  if (disk.inodes === 0 || disk.freeInodes >= disk.inodes * LOW_INODES) return [];
  return [{
    id: "disk.inodes", level: "critical", what: `${disk.target} has no room for more files`,
    evidence: [`${disk.target}: ${disk.freeInodes} of ${disk.inodes} inodes free`],
    next: `Find the directory with the many files (\`berth ssh -- sudo du --inodes -xd2 ${disk.target}\`) and empty it.${isVolume(facts, disk) || refusals(facts).length > 0 ? rewritten(facts) : ""}`,
  }];
}
