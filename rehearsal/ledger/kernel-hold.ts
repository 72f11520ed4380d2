import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../cache.ts";
import { isAlive } from "../process-identity.ts";
import { type KernelSettings, readKernel, restoreKernel } from "./kernel.ts";

/** The kernel is the machine's, whoever's cache a run uses; and what was set before a boot of the machine is no matter after it. */
const DIRECTORY = "/run/berth-rehearsal-kernel";
const LOCK = "/run/berth-rehearsal-kernel.lock";
const BEFORE = join(DIRECTORY, "before.json");
const HOLDERS = join(DIRECTORY, "holders");

/** Say that run `id` may change kernel settings, for as long as the process `holder` lives, or until released when it is `kept`. The first one reads them. */
export async function holdKernel(id: string, holder: string): Promise<void> {
  // Who is not root changes nothing.
  if (process.getuid?.() !== 0) return;
  await withLock(LOCK, async () => {
    const first = (await kernelHolders()).length === 0 && (await readBefore()) === null;
    await mkdir(HOLDERS, { recursive: true, mode: 0o700 });
    if (first) await writeFile(BEFORE, JSON.stringify(await readKernel()));
    await writeFile(join(HOLDERS, id), holder);
  });
}

/** Run `id` is done; with the last one, settings are put back. Gives back a line for each that could not be. */
export async function releaseKernel(id: string): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return [];
  return await withLock(LOCK, async () => {
    await rm(join(HOLDERS, id), { force: true });
    if ((await kernelHolders()).length > 0) return [];
    const before = await readBefore();
    const faults = before === null ? [] : await restoreKernel(before);
    await rm(DIRECTORY, { recursive: true, force: true });
    return faults;
  });
}

/** Runs that may change settings now. A run whose process has died is none. */
export async function kernelHolders(): Promise<readonly string[]> {
  const holders: string[] = [];
  for (const id of await readdir(HOLDERS).catch(() => [])) {
    const holder = await readFile(join(HOLDERS, id), "utf8").catch(() => "");
    if (holder === "kept" || isAlive(holder)) holders.push(id);
  }
  return holders;
}

async function readBefore(): Promise<KernelSettings | null> {
  const text = await readFile(BEFORE, "utf8").catch(() => null);
  return text === null ? null : (JSON.parse(text) as KernelSettings);
}
