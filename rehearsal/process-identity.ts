import { readFileSync } from "node:fs";
import { errorCode } from "./errno.ts";

/**
 * A process that cannot be mistaken for a later one with the same number: `PID:START`, START being the kernel's start
 * time in clock ticks since boot (field 22 of /proc/PID/stat), or 0 where there is no /proc.
 */
export function processIdentity(pid: number): string {
  return `${pid}:${startTime(pid) ?? "0"}`;
}

/** Whether the process with this identity still runs. */
export function isAlive(identity: string): boolean {
  const [pid = "", start = ""] = identity.trim().split(":");
  if (!/^\d+$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return false;
  }
  return (startTime(Number(pid)) ?? "0") === start;
}

function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold spaces: count from behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; only its parent does not know yet.
    return fields[0] === "Z" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
