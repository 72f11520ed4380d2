import type { Baseline, ControlGroup, Disk, Listener, MountPoint, Validity, Volume } from "./host-facts.ts";

/** Readers of what the kernel, systemd's tools and Berth's own script print. They throw on text that is not what they read. */

export function readLines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** A word that must be a whole number. */
function count(word: string | undefined, what: string): number {
  if (word === undefined || !/^\d+$/.test(word)) throw new Error(`${what}: required: a whole number; found: ${word ?? "nothing"}`);
  return Number(word);
}

function words(line: string): string[] {
  return line.trim().split(/\s+/);
}

export function readBaseline(text: string): Baseline {
  const restarts = new Map<string, number>();
  const oom = new Map<string, number>();
  let redis: Baseline["redis"];
  for (const line of readLines(text)) {
    const [kind, id = "", ...rest] = words(line);
    if (kind === "restarts") restarts.set(id, count(rest[0], "restarts"));
    else if (kind === "oom") oom.set(id, count(rest[0], "oom"));
    else if (kind === "redis") redis = { runId: id, evicted: after(rest, "evicted_keys"), rejected: after(rest, "rejected_connections") };
  }
  return { restarts, oom, redis };
}

function after(list: readonly string[], name: string): number | undefined {
  const index = list.indexOf(name);
  return index < 0 ? undefined : count(list[index + 1], name);
}

/** `ss -H -tulnp`: protocol, state, two queues, the local address, the peer's, the programs. One without the protocol is TCP's. */
export function readListeners(text: string): Listener[] {
  return readLines(text).map((line) => {
    const fields = words(line);
    const named = /^(tcp|udp)$/.exec(fields[0] ?? "")?.[1];
    const match = /^(.*):(\d+)$/.exec(fields[named === undefined ? 3 : 4] ?? "");
    if (match === null) throw new Error(`no local address in "${line}"`);
    return {
      protocol: named === "udp" ? "udp" : "tcp",
      host: (match[1] ?? "").replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "").replace(/^\[(.*)$/, "$1"),
      port: Number(match[2]),
      program: /users:\(\("([^"]*)"/.exec(line)?.[1] ?? "",
    };
  });
}

export function readSysctl(text: string): ReadonlyMap<string, string> {
  return new Map(readLines(text).map((line) => {
    const [name = "", value = ""] = line.split("=").map((part) => part.trim());
    return [name, value];
  }));
}

export function readHugepages(text: string): string {
  const chosen = /\[(\w+)\]/.exec(text)?.[1];
  if (chosen === undefined) throw new Error(`no choice in brackets in "${text}"`);
  return chosen;
}

/** `NAME: VALUE` lines, as in /proc/PID/status and /proc/meminfo. */
export function readColons(text: string): ReadonlyMap<string, string> {
  return new Map(readLines(text).flatMap((line): [string, string][] => {
    const colon = line.indexOf(":");
    return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()]];
  }));
}

export function readRedisStatus(text: string): ReadonlyMap<string, string> {
  const status = readColons(text);
  const name = status.get("Name");
  if (name === undefined) throw new Error("it has no Name");
  // With `init` the container's first process is docker-init; what is said of it says nothing of Redis.
  if (!name.startsWith("redis")) throw new Error(`it is of the process ${name}, not of Redis`);
  return status;
}

export function readMemory(text: string): { total: number; available: number } {
  const fields = readColons(text);
  const bytes = (name: string) => count(fields.get(name)?.replace(/ kB$/, ""), name) * 1024;
  return { total: bytes("MemTotal"), available: bytes("MemAvailable") };
}

/** /proc/self/mountinfo (proc_pid_mountinfo(5)): optional fields end at `-`; blanks in paths are octal escapes. */
export function readMounts(text: string): MountPoint[] {
  return readLines(text).map((line) => {
    const fields = words(line);
    const dash = fields.indexOf("-", 6);
    const [path, type, source] = [fields[4], fields[dash + 1], fields[dash + 2]];
    if (dash < 0 || path === undefined || type === undefined || source === undefined) throw new Error(`not a line of mountinfo: "${line}"`);
    return { path: unescape(path), type, source: unescape(source) };
  });
}

function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export function readVolume(text: string): Volume {
  const fields = new Map(readLines(text).map((line) => {
    const [name = "", ...value] = words(line);
    return [name, value.join(" ")];
  }));
  const field = (name: string) => fields.get(name) ?? "";
  return { device: field("device"), id: field("id"), sentinel: field("sentinel"), mountpoint: field("mountpoint"), deviceBytes: /^\d+$/.test(field("bytes")) ? Number(field("bytes")) : undefined };
}

/** `df -B1 --output=target,size,avail`: a heading, then lines whose last two words are numbers. */
export function readDisks(text: string): Disk[] {
  const disks = readLines(text).slice(1).map((line) => {
    const fields = words(line);
    const [size, available] = fields.slice(-2);
    return { target: fields.slice(0, -2).join(" "), sizeBytes: count(size, "size"), availableBytes: count(available, "avail") };
  });
  if (disks.length === 0) throw new Error("no file system");
  return disks;
}

export function readAof(text: string): number {
  return count(words(text)[0], "bytes");
}

export function readControlGroups(text: string): ReadonlyMap<string, ControlGroup> {
  const groups = new Map<string, ControlGroup>();
  for (const line of readLines(text)) {
    const [id = "", what, value] = words(line);
    const group = groups.get(id) ?? { oomKills: undefined, cpuShares: undefined, cpuWeight: undefined };
    const name = what === "oom" ? "oomKills" : what === "cpu.shares" ? "cpuShares" : what === "cpu.weight" ? "cpuWeight" : undefined;
    if (name !== undefined && value !== undefined) groups.set(id, { ...group, [name]: count(value, `${what} of ${id.slice(0, 12)}`) });
  }
  return groups;
}

/** Lines `CONTAINER_ID PORT`. */
export function readSockets(text: string): ReadonlyMap<number, string> {
  return new Map(readLines(text).map((line) => {
    const [id = "", port] = words(line);
    return [count(port, "port"), id];
  }));
}

/** `docker compose config --hash '*'`: lines `SERVICE HASH`. */
export function readHashes(text: string): ReadonlyMap<string, string> {
  return new Map(readLines(text).map((line) => {
    const [service = "", hash] = words(line);
    if (hash === undefined) throw new Error(`no hash in "${line}"`);
    return [service, hash];
  }));
}

/** `openssl x509 -noout -startdate -enddate`: `notAfter=Nov 30 12:00:00 2026 GMT`. @returns null when the host looked and none was served */
export function readCertificate(text: string): Validity | null {
  if (text.trim() === "none") return null;
  const [starts, ends] = ["notBefore", "notAfter"].map((name) => Date.parse(new RegExp(`^${name}=(.+)$`, "m").exec(text)?.[1] ?? "")) as [number, number];
  if (Number.isNaN(ends)) throw new Error(`no notAfter in "${text}"`);
  return { starts, ends };
}
