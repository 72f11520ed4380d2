import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheDirectory } from "./cache.ts";
import type { Docker } from "./docker/docker.ts";
import type { Log } from "./docker/exec.ts";
import { detachLoops, loopsBelow, mountsBelow, unmountBelow } from "./ledger/devices.ts";
import { holdKernel, releaseKernel } from "./ledger/kernel-hold.ts";
import { labelled, removeLabelled } from "./ledger/labelled.ts";
import { isAlive, processIdentity } from "./process-identity.ts";

/** Every container, network and volume of a run carries this label, the run's id its value. */
export const RUN_LABEL = "berth.rehearsal";

const RUNS = (): string => cacheDirectory("runs");

/**
 * What one run brings about, so that it can all be taken back: by the run itself, or by a later one when this one died. Docker's objects are found by
 * their label, loop devices and mounts by lying below the run's directory, kernel settings by what was read before the first run (`kernel-hold.ts`).
 */
export class Ledger {
  readonly id: string;
  /** For files that go with the run. Mode 0700. */
  readonly directory: string;
  readonly #docker: Docker;
  readonly #log: Log;
  #closing: Promise<void> | undefined;

  private constructor(id: string, docker: Docker, log: Log) {
    this.id = id;
    this.directory = join(RUNS(), id);
    this.#docker = docker;
    this.#log = log;
  }

  /** Clear away dead runs, then open a new one. */
  static async open(docker: Docker, log: Log = () => undefined): Promise<Ledger> {
    await sweep(docker, log);
    const ledger = new Ledger(randomBytes(4).toString("hex"), docker, log);
    await mkdir(ledger.directory, { recursive: true, mode: 0o700 });
    await writeFile(join(ledger.directory, "owner"), processIdentity(process.pid));
    await holdKernel(ledger.id, processIdentity(process.pid));
    return ledger;
  }

  /** Arguments that label a container, network or volume as this run's. */
  get label(): readonly [string, string] {
    return ["--label", `${RUN_LABEL}=${this.id}`];
  }

  /** Leave everything up when this process ends: only `cleanup(id)` takes it down. */
  async keep(): Promise<void> {
    await writeFile(join(this.directory, "kept"), "");
    await holdKernel(this.id, "kept");
  }

  /** Take back everything. Safe to call twice. */
  close(): Promise<void> {
    // A signal's handler and the program that it interrupts both close: the second waits for the first.
    this.#closing ??= cleanup(this.id, this.#docker, this.#log).finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  /** A command that was under way may still bring something about: look again until nothing comes. */
  async #closeForGood(): Promise<void> {
    for (let tries = 0; tries < 5; tries += 1) {
      await this.close();
      await sleep(300);
      if ((await leftovers(this.#docker, this.id)).length === 0) return;
    }
  }

  /**
   * From now on SIGINT and SIGTERM run `before` (stop what would go on making things), take everything back, run `after` (leave a Docker daemon of our own:
   * not sooner, it is needed for the taking back) and end the process with 130 or 143. A second signal does not cut that short. Gives back what undoes it.
   */
  onSignals(before: () => Promise<void> = () => Promise.resolve(), after: () => Promise<void> = () => Promise.resolve()): () => void {
    let ending = false;
    const end = (signal: NodeJS.Signals): void => {
      if (ending) return;
      ending = true;
      this.#log(`${signal}: taking everything back`);
      before()
        .catch((error: unknown) => this.#log(String(error)))
        .then(() => this.#closeForGood())
        .catch((error: unknown) => this.#log(String(error)))
        .then(after)
        .catch((error: unknown) => this.#log(String(error)))
        .finally(() => process.exit(signal === "SIGINT" ? 130 : 143));
    };
    process.on("SIGINT", end);
    process.on("SIGTERM", end);
    return () => {
      process.off("SIGINT", end);
      process.off("SIGTERM", end);
    };
  }
}

/** Take back everything of one run: containers, networks, volumes, mounts, loop devices, files; with the last run, kernel settings. */
export async function cleanup(id: string, docker: Docker, log: Log = () => undefined): Promise<void> {
  if (!/^[0-9a-f]{8}$/.test(id)) throw new Error(`cleaning up run ${JSON.stringify(id)}: eight hexadecimal digits are required`);
  const directory = join(RUNS(), id);
  // One thing that cannot be taken back does not keep the others; the run's directory then stays, and the next run tries again.
  const faults: unknown[] = [];
  for (const work of [() => removeLabelled(docker, `${RUN_LABEL}=${id}`), () => unmountBelow(directory), () => detachLoops(directory)]) {
    await work().catch((error: unknown) => faults.push(error));
  }
  if (faults.length === 0) await rm(directory, { recursive: true, force: true });
  for (const fault of await releaseKernel(id)) log(fault);
  if (faults.length > 0) throw new AggregateError(faults, `cleaning up run ${id}: ${faults.map(String).join("; ")}`);
}

/** Clean up after runs whose process has ended without doing so. Runs that were kept on purpose stay. */
export async function sweep(docker: Docker, log: Log = () => undefined): Promise<void> {
  for (const id of await runs()) {
    const directory = join(RUNS(), id);
    const owner = await ownerOf(id);
    // No owner yet: made this moment, or left half made by one that was killed then, which costs an empty directory.
    if (owner === "" || isAlive(owner) || existsSync(join(directory, "kept"))) continue;
    log(`clearing away run ${id}, whose process ended`);
    await cleanup(id, docker, log);
  }
}

/** Runs whose process has ended: kept up on purpose, or left behind. */
export async function ownerless(): Promise<readonly string[]> {
  const found = await Promise.all((await runs()).map(async (id) => ({ id, owner: await ownerOf(id) })));
  return found.filter(({ owner }) => owner !== "" && !isAlive(owner)).map(({ id }) => id);
}

function ownerOf(id: string): Promise<string> {
  return readFile(join(RUNS(), id, "owner"), "utf8").catch(() => "");
}

/** Runs that are up, or were left behind. */
export async function runs(): Promise<readonly string[]> {
  return (await readdir(RUNS()).catch(() => [])).filter((name) => /^[0-9a-f]{8}$/.test(name));
}

/** Everything of any run that is still there, one line each; of one run when `id` is given. Empty when all was taken back. */
export async function leftovers(docker: Docker, id?: string): Promise<readonly string[]> {
  const below = id === undefined ? RUNS() : join(RUNS(), id);
  return [
    ...(await labelled(docker, id === undefined ? RUN_LABEL : `${RUN_LABEL}=${id}`)).map((it) => `${it.kind} ${it.id} ${it.name}`),
    ...(await loopsBelow(below)).map((it) => `loop device ${it}`),
    ...(await mountsBelow(below)).map((it) => `mount ${it}`),
    ...(await runs()).filter((run) => id === undefined || run === id).map((run) => `directory ${join(RUNS(), run)}`),
  ];
}
