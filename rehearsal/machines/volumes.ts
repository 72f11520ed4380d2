import { mkdir, open, rm, stat, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VolumeSpec } from "../cloud/machines.ts";
import { run } from "../docker/exec.ts";
import type { Ledger } from "../ledger.ts";

/** A block device as the kernel numbers it. */
export interface Device {
  readonly path: string;
  readonly major: number;
  readonly minor: number;
}

/**
 * Volumes as sparse files behind loop devices. A device lives as long as its volume, so that two servers can never have two
 * devices over one file: a file system mounted twice that way is lost.
 */
export class VolumeStore {
  readonly #directory: string;
  readonly #devices = new Map<number, Device>();

  constructor(ledger: Ledger) {
    this.#directory = join(ledger.directory, "volumes");
  }

  async create(spec: VolumeSpec): Promise<void> {
    const file = this.#file(spec.id);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await (await open(file, "wx", 0o600)).close();
    await truncate(file, spec.sizeGb * 1024 ** 3);
    const path = await run(["losetup", "--find", "--show", file]);
    const { rdev } = await stat(path);
    this.#devices.set(spec.id, { path, ...numbers(rdev) });
    if (spec.format !== null) await run([`mkfs.${spec.format}`, spec.format === "ext4" ? "-qF" : "-qf", path], { timeoutMs: 120_000 });
  }

  device(volumeId: number): Device {
    const device = this.#devices.get(volumeId);
    if (device === undefined) throw new Error(`using volume ${volumeId}: it must exist, and does not`);
    return device;
  }

  async resize(volumeId: number, sizeGb: number): Promise<void> {
    await truncate(this.#file(volumeId), sizeGb * 1024 ** 3);
    await run(["losetup", "--set-capacity", this.device(volumeId).path]);
  }

  async delete(volumeId: number): Promise<void> {
    const device = this.#devices.get(volumeId);
    if (device !== undefined) await run(["losetup", "--detach", device.path]);
    this.#devices.delete(volumeId);
    await rm(this.#file(volumeId), { force: true });
  }

  #file(volumeId: number): string {
    return join(this.#directory, `${volumeId}.img`);
  }
}

/** Linux's encoding of a device number in `stat`. */
export function numbers(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
