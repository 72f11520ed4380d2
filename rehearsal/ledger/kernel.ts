import { readdirSync, statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Path of a setting -> its value. */
export type KernelSettings = Readonly<Record<string, string>>;

/**
 * Directories whose settings are the machine's, not a network namespace's: what a stand-in server writes there, it writes for all. Debian's own
 * `systemd-sysctl` writes a dozen at each boot. Of `net`, what a Docker daemon on the machine itself changes.
 */
const DIRECTORIES = [
  "/proc/sys/vm", "/proc/sys/kernel", "/proc/sys/kernel/keys", "/proc/sys/kernel/yama", "/proc/sys/fs", "/proc/sys/fs/inotify", "/proc/sys/net/core",
  "/proc/sys/net/ipv4", "/proc/sys/net/ipv4/conf/all", "/proc/sys/net/ipv4/conf/default", "/proc/sys/net/ipv6/conf/all",
  "/proc/sys/net/ipv6/conf/default", "/proc/sys/net/bridge", "/proc/sys/net/netfilter",
];
const HUGEPAGES = ["/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/mm/transparent_hugepage/defrag"];

/** Settings that are counters, or that differ at each reading, or do something when written. */
const VOLATILE = /\/(ns_last_pid|random|.*_nr|.*-nr|.*-state|nf_conntrack_count|compact_memory|drop_caches|stat_refresh|flush|hostname|domainname|cap_last_cap|tainted|hung_task_detect_count)$/;

/** The kernel's settings as they are now. */
export async function readKernel(): Promise<KernelSettings> {
  const settings: Record<string, string> = {};
  for (const path of [...DIRECTORIES.flatMap(files), ...HUGEPAGES]) {
    const text = await readFile(path, "utf8").catch(() => null);
    if (text !== null) settings[path] = chosen(text.trim());
  }
  return settings;
}

/** Paths of settings that differ between two readings. */
export function changed(before: KernelSettings, now: KernelSettings): readonly string[] {
  return Object.keys(before).filter((path) => now[path] !== undefined && now[path] !== before[path]);
}

/** Write back what differs; gives back a line for each setting that could not be. */
export async function restoreKernel(before: KernelSettings): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const path of changed(before, await readKernel())) {
    const value = before[path] ?? "";
    await writeFile(path, value).catch((error: unknown) => faults.push(`putting back ${path}: ${value} required: ${String(error)}`));
  }
  return faults;
}

/** `always [madvise] never` -> `madvise`, which is what one writes. */
function chosen(text: string): string {
  return /\[(\w+)\]/.exec(text)?.[1] ?? text;
}

function files(directory: string): string[] {
  try {
    // Owner-writable: a setting; others are information.
    return readdirSync(directory).map((name) => join(directory, name)).filter((path) => {
      const { mode } = statSync(path);
      return (mode & 0o170000) === 0o100000 && (mode & 0o600) === 0o600 && !VOLATILE.test(path);
    });
  } catch {
    return [];
  }
}
