import { mkdir, open, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode } from "./errno.ts";
import { isAlive, processIdentity } from "./process-identity.ts";

/** Where the rehearsal keeps what it built: `$XDG_CACHE_HOME/berth`, by default ~/.cache/berth. Safe to delete when nothing runs. */
export function cacheDirectory(...below: readonly string[]): string {
  const xdg = process.env["XDG_CACHE_HOME"];
  return join(xdg !== undefined && xdg.startsWith("/") ? xdg : join(homedir(), ".cache"), "berth", ...below);
}

/** Do `work` while no other process with this cache does work of the same name. */
export async function withCacheLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  return await withLock(cacheDirectory("locks", name), work);
}

/** Do `work` while this file is ours alone. A dead holder's lock is taken over. */
export async function withLock<T>(path: string, work: () => Promise<T>, timeoutMs = 900_000): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(processIdentity(process.pid));
      await file.close();
      break;
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
    const holder = await readFile(path, "utf8").catch(() => "");
    if (holder !== "" && !isAlive(holder)) {
      await rm(path, { force: true });
      continue;
    }
    if (Date.now() > deadline) throw new Error(`waiting for ${path}: held by process ${holder} for ${timeoutMs / 1000} s. Remove the file if that process is not ours`);
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
