import type { Config } from "../config/schema.ts";

/** Kernel, log and package settings: path below / -> text. */

const SYSCTL = `# Redis forks to rewrite its append-only file. Without overcommit the kernel may refuse the fork although memory is there.
vm.overcommit_memory = 1
# Swapping a store out is worse than dropping page cache.
vm.swappiness = 1
# For listeners of the host; containers have a network namespace of their own, with 4096.
net.core.somaxconn = 4096
`;

/** Kernel setting -> value, as the file above sets them. */
export function kernelSettings(): Record<string, string> {
  return Object.fromEntries([...SYSCTL.matchAll(/^([a-z_.]+) = (\S+)$/gm)].map(([, name = "", value = ""]) => [name, value]));
}

const TMPFILES = `# Huge pages: a write after a fork copies 2 MB instead of 4 KB. \`-\`: where the kernel forbids it, the verification says so.
w- /sys/kernel/mm/transparent_hugepage/enabled - - - - never
w- /sys/kernel/mm/transparent_hugepage/defrag - - - - never
`;

const JOURNALD = `# The journal never takes the space that the volume guard and Docker need on the root disk.
[Journal]
SystemMaxUse=500M
MaxRetentionSec=1month
`;

/** Docker's daemon. `live-restore`: an upgrade or restart of the daemon leaves the containers running. The log bounds are for containers that are not ours. */
const DOCKER = {
  "live-restore": true,
  "log-driver": "json-file",
  "log-opts": { "max-size": "10m", "max-file": "3" },
};

function upgrades(enabled: boolean): string {
  const value = enabled ? 1 : 0;
  return `// Security updates by themselves, every day; never a reboot, and never Docker: its upgrade is a deployment's business.
APT::Periodic::Update-Package-Lists "${value}";
APT::Periodic::Unattended-Upgrade "${value}";
Unattended-Upgrade::Automatic-Reboot "false";
Unattended-Upgrade::Package-Blacklist {
  "^containerd$";
  "^docker-cli$";
  "^docker-compose$";
  "^docker\\.io$";
  "^runc$";
};
`;
}

const NEEDRESTART = `# After an update of a library, needrestart may restart what uses it. Not these: it would stop the application.
$nrconf{override_rc}{qr(^berth)} = 0;
$nrconf{override_rc}{qr(^docker)} = 0;
$nrconf{override_rc}{qr(^containerd)} = 0;
`;

export function settings(config: Config): Record<string, string> {
  return {
    "/etc/apt/apt.conf.d/52-berth-upgrades": upgrades(config.host.unattendedUpgrades),
    "/etc/docker/daemon.json": `${JSON.stringify(DOCKER, null, 2)}\n`,
    "/etc/needrestart/conf.d/50-berth.conf": NEEDRESTART,
    "/etc/sysctl.d/90-berth.conf": SYSCTL,
    "/etc/systemd/journald.conf.d/berth.conf": JOURNALD,
    "/etc/tmpfiles.d/berth.conf": TMPFILES,
  };
}
