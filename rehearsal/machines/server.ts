import type { FirewallRule } from "../cloud/machines.ts";
import type { Docker } from "../docker/docker.ts";
import type { Device } from "./volumes.ts";

export interface Server {
  readonly id: number;
  readonly container: string;
  readonly dockerVolume: string;
  readonly ipv4: string;
  /** Attached volumes: id -> device, and the last letter of /dev/sdX. */
  readonly volumes: Map<number, { readonly device: Device; readonly letter: string }>;
  firewall: readonly FirewallRule[] | null;
  /** Aborted before the server is stopped on purpose. */
  watch: AbortController | null;
}

/** Exit code of a container whose init asked the kernel to restart (reboot(2) in a PID namespace: SIGHUP). */
const EXIT_REBOOT = 129;
/** The longest that Node can wait. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** A container that ends stays down; hardware that is told to restart from inside starts again. */
export function watchForReboot(docker: Docker, server: Server, onReboot: () => void): void {
  server.watch?.abort();
  const watch = new AbortController();
  server.watch = watch;
  // Aborted, or the container was removed: nothing to watch any more.
  void waitForExit(docker, server.container, watch.signal).then((code) => (code === EXIT_REBOOT ? onReboot() : undefined));
}

/** Exit code of a container once it ends; null when the watch was given up. */
async function waitForExit(docker: Docker, container: string, signal: AbortSignal): Promise<number | null> {
  const result = await docker.attempt(["wait", container], { timeoutMs: FOR_EVER_MS, signal }).catch(() => null);
  return result === null || signal.aborted ? null : Number(result.stdout);
}

/** /dev/sda is the root disk. */
export function freeLetter(server: Server): string {
  const taken = new Set([...server.volumes.values()].map(({ letter }) => letter));
  const letter = "bcdefghijklmnop".split("").find((it) => !taken.has(it));
  if (letter === undefined) throw new Error(`attaching a volume to server ${server.id}: at most 15 are possible`);
  return letter;
}

/** What the server's entry reads at each start, because /dev is new then. */
export function volumesFile(server: Server): string {
  return [...server.volumes].map(([id, { device, letter }]) => `${id} ${device.major} ${device.minor} ${letter}\n`).join("");
}
