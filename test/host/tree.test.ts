import { expect, test } from "vitest";
import { stopSeconds, waitSeconds } from "../../src/compose/periods.ts";
import { hostTree } from "../../src/host/tree.ts";
import { stack } from "../helpers/stack.ts";

const config = stack();
const tree = hostTree(config, "4711");

function text(path: string): string {
  const entry = tree.find((it) => it.path === path);
  if (entry === undefined) throw new Error(`no ${path} in the tree: ${tree.map((it) => it.path).join(", ")}`);
  return entry.text;
}

/** Value of a `Key=` line of a unit. */
function unitValue(path: string, key: string): string {
  return new RegExp(`^${key}=(.*)$`, "m").exec(text(path))?.[1] ?? "";
}

test("every file, owned by root, readable by all: nothing here is secret", () => {
  expect(tree.map((it) => it.path)).toMatchInlineSnapshot(`
    [
      "/etc/apt/apt.conf.d/52-berth-upgrades",
      "/etc/berth/firewall.nft",
      "/etc/berth/host.env",
      "/etc/docker/daemon.json",
      "/etc/needrestart/conf.d/50-berth.conf",
      "/etc/ssh/sshd_config.d/10-berth.conf",
      "/etc/sysctl.d/90-berth.conf",
      "/etc/systemd/journald.conf.d/berth.conf",
      "/etc/systemd/system/berth-firewall.service",
      "/etc/systemd/system/berth-volume.service",
      "/etc/systemd/system/berth.service",
      "/etc/systemd/system/docker.service.d/berth.conf",
      "/etc/tmpfiles.d/berth.conf",
    ]
  `);
  expect(new Set(tree.map(({ mode, uid, gid }) => `${mode} ${uid}:${gid}`))).toEqual(new Set(["0644 0:0"]));
});

test("paths hold no white space: the host's scripts read them by line", () => {
  for (const { path } of tree) expect(path).toMatch(/^\/[A-Za-z0-9._/-]+$/);
});

test("what the volume guard knows at a boot", () => {
  expect(text("/etc/berth/host.env")).toBe("BERTH_VOLUME_ID='4711'\nBERTH_VOLUME_DEVICE='/dev/disk/by-id/scsi-0HC_Volume_4711'\nBERTH_MOUNT='/mnt/berth'\nBERTH_VOLUME_GB='20'\n");
  // A size that changes alone must make a release, so that something runs on the host: the adopted volume's as Hetzner has it.
  expect(hostTree(config, "4711", 40).find(({ path }) => path === "/etc/berth/host.env")?.text).toContain("BERTH_VOLUME_GB='40'\n");
});

test("Docker does not start without the volume, nor without the firewall's rules", () => {
  const path = "/etc/systemd/system/docker.service.d/berth.conf";
  expect([unitValue(path, "Requires"), unitValue(path, "After")]).toEqual(["berth-volume.service berth-firewall.service", "berth-volume.service berth-firewall.service"]);
  expect(unitValue("/etc/systemd/system/berth-volume.service", "Before")).toBe("docker.service");
});

test("a volume that comes late is taken up without a reboot, and brings the application with it", () => {
  const unit = "/etc/systemd/system/berth-volume.service";
  expect(unitValue(unit, "Restart")).toBe("on-failure");
  expect(unitValue(unit, "ExecStartPost")).toBe("-systemctl start --no-block berth.service");
  // systemd gives up on a unit that is started more than 5 times in 10 s.
  expect(Number(unitValue(unit, "RestartSec"))).toBeGreaterThan(2);
});

test("the host's rules are there before Docker starts a container", () => {
  expect(unitValue("/etc/systemd/system/berth-firewall.service", "Before")).toBe("docker.service");
});

test("changed rules are loaded without a restart of the firewall's unit, which would be one of Docker", () => {
  const unit = "/etc/systemd/system/berth-firewall.service";
  expect(unitValue(unit, "ExecReload")).toBe(unitValue(unit, "ExecStart"));
  expect([unitValue(unit, "Restart"), unitValue(unit, "ExecStartPost")]).toEqual(["on-failure", "-systemctl start --no-block berth.service"]);
});

test("a restart of Docker does not take the application down: wanted, not required", () => {
  expect(unitValue("/etc/systemd/system/berth.service", "Requires")).toBe("berth-volume.service");
  expect(unitValue("/etc/systemd/system/berth.service", "Wants")).toContain("docker.service");
});

test("systemd waits longer than the commands it runs, so that they end by themselves and say why", () => {
  const unit = "/etc/systemd/system/berth.service";
  expect(Number(unitValue(unit, "TimeoutStopSec"))).toBeGreaterThan(stopSeconds(config) + 30);
  // server/compose.sh gives `compose up` twice its bound and a minute
  expect(Number(unitValue(unit, "TimeoutStartSec"))).toBeGreaterThan(waitSeconds(config) * 2 + 60);
});

test("the daemon leaves containers running while it is restarted, and bounds their logs", () => {
  expect(JSON.parse(text("/etc/docker/daemon.json"))).toEqual({ "live-restore": true, "log-driver": "json-file", "log-opts": { "max-size": "10m", "max-file": "3" } });
});

test("what Redis needs of the kernel", () => {
  expect(text("/etc/sysctl.d/90-berth.conf")).toContain("vm.overcommit_memory = 1\n");
  expect(text("/etc/tmpfiles.d/berth.conf")).toContain("w- /sys/kernel/mm/transparent_hugepage/enabled - - - - never\n");
});

test("upgrades: by themselves or not, never Docker's", () => {
  const path = "/etc/apt/apt.conf.d/52-berth-upgrades";
  expect(text(path)).toContain('Unattended-Upgrade "1"');
  expect(text(path)).toContain('"^docker\\.io$";');
  const off = hostTree(stack({ host: { unattendedUpgrades: false } }), "1").find((it) => it.path === path);
  expect(off?.text).toContain('Unattended-Upgrade "0"');
});
