import type { MachineSize } from "../cloud/machines.ts";

export interface ServerContainer extends MachineSize {
  readonly container: string;
  readonly hostname: string;
  readonly network: string;
  readonly ipv4: string;
  readonly image: string;
  /** Docker volume for the Docker inside: overlayfs cannot lie on overlayfs. */
  readonly dockerVolume: string;
  readonly label: readonly string[];
  /** Cores that this machine has: Docker refuses to promise more. */
  readonly machineCores: number;
}

/**
 * `docker create` for a stand-in server: systemd with its own cgroups, writable kernel settings (the entry sees to those) and devices. Not `--privileged`: where CAP_SYS_RESOURCE is
 * not in the bounding set that fails ("unable to apply caps"). CAP_SYS_TIME is left out, because the clock is the machine's.
 */
export function createArguments(server: ServerContainer): readonly string[] {
  return [
    "create", "--name", server.container, ...server.label, "--hostname", server.hostname,
    "--network", server.network, "--ip", server.ipv4,
    "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--cap-drop", "SYS_TIME",
    "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
    "--cgroupns", "private", "--device-cgroup-rule", "a *:* rwm",
    "--tmpfs", "/run", "--tmpfs", "/tmp", "--stop-signal", "SIGRTMIN+3",
    // systemd 256 and later refuses cgroup v1 unless told; on v2 it reads the words and goes on.
    "--env", "container=docker", "--env", "SYSTEMD_PROC_CMDLINE=SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
    "--volume", `${server.dockerVolume}:/var/lib/docker`,
    ...sizeArguments(server, server.machineCores),
    server.image,
  ];
}

/** Memory and cores, for `docker create` and `docker update`. No swap: Hetzner's images have none. */
export function sizeArguments(size: MachineSize, machineCores: number): readonly string[] {
  return ["--memory", `${size.memoryMb}m`, "--memory-swap", `${size.memoryMb}m`, "--cpus", String(Math.min(size.cores, machineCores))];
}
