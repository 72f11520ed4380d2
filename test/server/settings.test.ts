import { expect, test } from "vitest";
import { acts, Host, mustSucceed } from "./host.ts";

const A = "aaaaaaaaaaaa";
const B = "bbbbbbbbbbbb";
const TREE = {
  "/etc/berth/firewall.nft": "table inet berth\n",
  "/etc/docker/daemon.json": "{}\n",
  "/etc/ssh/sshd_config.d/berth.conf": "PasswordAuthentication no\n",
  "/etc/sysctl.d/90-berth.conf": "vm.overcommit_memory = 1\n",
  "/etc/systemd/journald.conf.d/berth.conf": "[Journal]\n",
  "/etc/systemd/system/berth-firewall.service": "[Unit]\n",
  "/etc/systemd/system/berth-volume.service": "[Unit]\n",
  "/etc/systemd/system/berth.service": "[Unit]\n",
  "/etc/tmpfiles.d/berth.conf": "w- /sys\n",
};

async function settled(): Promise<Host> {
  const host = new Host();
  host.lay(A, { host: TREE });
  host.answer('"systemctl is-enabled "*) exit 1 ;;\n  "docker info "*) echo true; exit ;;');
  const run = await host.run(["settings", A]);
  mustSucceed(run);
  host.answer('"docker info "*) echo true; exit ;;');
  return host;
}

test("a whole tree is laid down, and each part gets its own reload, the volume first and Docker kept alive", async () => {
  const host = new Host();
  host.lay(A, { host: TREE });
  host.answer('"systemctl is-enabled "*) exit 1 ;;\n  "docker info "*) echo true; exit ;;');
  const run = await host.run(["settings", A]);
  mustSucceed(run);
  expect(acts(run.calls)).toMatchInlineSnapshot(`
    [
      "systemctl daemon-reload",
      "systemctl enable --quiet berth-firewall.service",
      "systemctl enable --quiet berth-volume.service",
      "systemctl enable --quiet berth.service",
      "systemctl start berth-volume.service",
      "sysctl --quiet --load=/etc/sysctl.d/90-berth.conf",
      "systemd-tmpfiles --create /etc/tmpfiles.d/berth.conf",
      "systemctl restart systemd-journald.service",
      "sshd -t",
      "systemctl reload ssh.service",
      "systemctl reload docker.service",
      "docker info --format {{.LiveRestoreEnabled}}",
      "systemctl restart docker.service",
      "systemctl reload-or-restart berth-firewall.service",
    ]
  `);
  expect(host.read("etc/sysctl.d/90-berth.conf")).toBe("vm.overcommit_memory = 1\n");
});

test("a second time nothing is done", async () => {
  const host = await settled();
  const run = await host.run(["settings", A]);
  expect(acts(run.calls)).toEqual([]);
  expect(run.stderr).toContain("settings: nothing changed");
});

test.each([
  ["/etc/sysctl.d/90-berth.conf", ["sysctl --quiet --load=/etc/sysctl.d/90-berth.conf"]],
  ["/etc/tmpfiles.d/berth.conf", ["systemd-tmpfiles --create /etc/tmpfiles.d/berth.conf"]],
  ["/etc/ssh/sshd_config.d/berth.conf", ["sshd -t", "systemctl reload ssh.service"]],
  ["/etc/berth/firewall.nft", ["systemctl reload-or-restart berth-firewall.service"]],
  ["/etc/systemd/system/berth.service", ["systemctl daemon-reload"]],
  ["/etc/systemd/system/berth-volume.service", ["systemctl daemon-reload"]],
])("a changed %s gets just its own reload", async (path, reloads) => {
  const host = await settled();
  host.lay(B, { host: { ...TREE, [path]: "changed\n" } });
  const run = await host.run(["settings", B]);
  mustSucceed(run);
  expect(acts(run.calls)).toEqual([...reloads.filter((line) => line.includes("daemon-reload")), "systemctl start berth-volume.service", ...reloads.filter((line) => !line.includes("daemon-reload"))]);
  expect(host.read(path)).toBe("changed\n");
});

test("Docker is not restarted under running containers that a restart would stop", async () => {
  const host = await settled();
  host.lay(B, { host: { ...TREE, "/etc/docker/daemon.json": '{"debug":true}\n' } });
  host.answer('"docker info "*) echo false; exit ;;\n  "docker ps -q"*) echo container; exit ;;');
  const run = await host.run(["settings", B]);
  expect(acts(run.calls)).toContain("systemctl reload docker.service");
  expect(acts(run.calls)).not.toContain("systemctl restart docker.service");
  expect(run.stderr).toContain("docker was reloaded, not restarted");
});

test("a reload that failed is tried again, although the file is already there", async () => {
  const host = await settled();
  host.lay(B, { host: { ...TREE, "/etc/ssh/sshd_config.d/berth.conf": "Nonsense\n" } });
  host.answer('"sshd "*) echo "bad line" >&2; exit 255 ;;');
  expect((await host.run(["settings", B])).code).toBe(1);
  host.answer("");
  expect(acts((await host.run(["settings", B])).calls)).toContain("systemctl reload ssh.service");
});

test("what leaves the tree leaves the host", async () => {
  const host = await settled();
  const { "/etc/sysctl.d/90-berth.conf": _, "/etc/systemd/system/berth-firewall.service": __, ...rest } = TREE;
  host.lay(B, { host: rest });
  const run = await host.run(["settings", B]);
  mustSucceed(run);
  expect(host.read("etc/sysctl.d/90-berth.conf")).toBeUndefined();
  expect(run.calls).toContain("systemctl disable --quiet berth-firewall.service");
});

test("a release that could not fetch its images gives the host back its settings", async () => {
  const host = await settled();
  host.answer('"docker info "*) echo true; exit ;;');
  expect((await host.run(["release", A])).code).toBe(0);
  host.lay(B, { host: { ...TREE, "/etc/sysctl.d/90-berth.conf": "changed\n" } });
  host.answer('"docker image inspect "*) exit 1 ;;\n  "docker pull "*) echo "manifest unknown" >&2; exit 1 ;;');
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(host.read("etc/sysctl.d/90-berth.conf")).toBe("vm.overcommit_memory = 1\n");
});

test("containers are refused the metadata address, once, and the host's table is loaded", async () => {
  const host = await settled();
  host.answer('"iptables -w 10 -C "*) exit 1 ;;');
  expect((await host.run(["firewall"])).calls).toMatchInlineSnapshot(`
    [
      "iptables -w 10 -N DOCKER-USER",
      "iptables -w 10 -C DOCKER-USER -d 169.254.169.254/32 -j REJECT",
      "iptables -w 10 -I DOCKER-USER 1 -d 169.254.169.254/32 -j REJECT",
      "iptables -w 10 -S FORWARD",
      "nft -f /etc/berth/firewall.nft",
    ]
  `);
  host.answer("");
  expect((await host.run(["firewall"])).calls).not.toContain("iptables -w 10 -I DOCKER-USER 1 -d 169.254.169.254/32 -j REJECT");
});

test("DOCKER-USER is put first where a Docker that was restarted put its own chains before it, and is there once", async () => {
  const host = await settled();
  host.answer(`"iptables -w 10 -S FORWARD")
    if grep -q "^iptables -w 10 -I FORWARD" "$FAKE/calls"; then echo '-A FORWARD -j DOCKER-USER'; fi
    printf '%s\\n' '-A FORWARD -j DOCKER-ISOLATION-STAGE-1' '-A FORWARD -j DOCKER-USER'; exit ;;`);
  const { calls } = await host.run(["firewall"]);
  expect(calls.filter((call) => call.includes("FORWARD") && !call.includes("-S"))).toEqual(["iptables -w 10 -I FORWARD 1 -j DOCKER-USER", "iptables -w 10 -D FORWARD 3"]);
  host.answer(`"iptables -w 10 -S FORWARD") printf '%s\\n' '-P FORWARD DROP' '-A FORWARD -j DOCKER-USER' '-A FORWARD -j DOCKER-ISOLATION-STAGE-1'; exit ;;`);
  expect((await host.run(["firewall"])).calls.filter((call) => call.includes("-I FORWARD"))).toEqual([]);
});
