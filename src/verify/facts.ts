import { type Fact, known, notKnown } from "./fact.ts";
import type { HostFacts } from "./host-facts.ts";
import { readContainers, readImages, readPublished } from "./read-docker.ts";
import {
  readAof, readBaseline, readCertificate, readControlGroups, readDisks, readHashes, readHugepages, readLines, readListeners, readMemory, readMounts,
  readRedisStatus, readSockets, readSysctl, readVolume,
} from "./read-host.ts";
import { messageOf } from "./words.ts";

/** Section name -> raw text. A section that comes twice (a script gone wrong) is the later one. */
export function splitSections(stream: string): ReadonlyMap<string, string> {
  const sections = new Map<string, string>();
  let name: string | undefined;
  let lines: string[] = [];
  const finish = () => {
    if (name !== undefined) sections.set(name, lines.join("\n").trim());
  };
  for (const line of stream.split(/\r?\n/)) {
    const heading = /^@@ (\S+)\s*$/.exec(line);
    if (heading?.[1] === undefined) {
      lines.push(line);
      continue;
    }
    finish();
    name = heading[1];
    lines = [];
  }
  finish();
  return sections;
}

/**
 * Reads the facts stream. A missing, empty or malformed section spoils only itself: it becomes a fact that is not known and
 * says which section it was, and the checks that need it say `unknown`.
 */
export function parseFacts(stream: string): HostFacts {
  const sections = splitSections(stream);

  function section<T>(name: string, read: (text: string) => T, empty: "unknown" | "read" = "unknown"): Fact<T> {
    const text = sections.get(name);
    if (text === undefined) return notKnown(`the facts have no section "${name}"`);
    if (text === "" && empty === "unknown") return notKnown(`the facts' section "${name}" is empty`);
    try {
      return known(read(text));
    } catch (error) {
      return notKnown(`the facts' section "${name}" is malformed: ${messageOf(error)}`);
    }
  }

  return {
    release: section("release", (text) => text),
    // Nothing was there before the first release.
    baseline: section("baseline", readBaseline, "read"),
    containers: section("inspect", readContainers),
    composeHashes: section("compose-hashes", readHashes),
    images: section("images", readImages),
    published: section("containers", readPublished),
    listeners: section("listeners", readListeners),
    sysctl: section("sysctl", readSysctl),
    hugepages: section("hugepages", readHugepages),
    redisStatus: section("redis-status", readRedisStatus),
    memory: section("meminfo", readMemory),
    mounts: section("mounts", readMounts),
    volume: section("volume", readVolume),
    disks: section("disk", readDisks),
    aof: section("aof", readAof),
    controlGroups: section("cgroup", readControlGroups),
    dockerUser: section("docker-user", readLines),
    hostTable: section("host-table", (text) => text),
    certificate: section("certificate", readCertificate),
    drift: section("drift", readLines, "read"),
    // Only between nodes.
    sockets: section("sockets", readSockets, "read"),
  };
}
