import { readFile } from "node:fs/promises";
import { execute, run } from "../docker/exec.ts";

/** Loop devices whose file lies, or lay, below a directory. */
export async function loopsBelow(directory: string): Promise<readonly string[]> {
  const result = await execute(["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"]).catch(() => null);
  if (result?.code !== 0) return [];
  return result.stdout.split("\n").flatMap((line) => {
    const found = /^(\S+)\s+(.*?)( \(deleted\))?$/.exec(line.trim());
    return found?.[1] !== undefined && (found[2] ?? "").startsWith(`${directory}/`) ? [found[1]] : [];
  });
}

export async function detachLoops(directory: string): Promise<void> {
  for (const device of await loopsBelow(directory)) await run(["losetup", "--detach", device]);
}

/** Mount points below a directory, deepest first. */
export async function mountsBelow(directory: string): Promise<readonly string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return text.split("\n").map((line) => line.split(" ")[4] ?? "").filter((point) => point.startsWith(`${directory}/`)).toReversed();
}

export async function unmountBelow(directory: string): Promise<void> {
  for (const point of await mountsBelow(directory)) await run(["umount", point]);
}
