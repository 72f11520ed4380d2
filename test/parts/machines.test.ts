import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import ssh2, { type ConnectConfig } from "ssh2";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FirewallRule, MachineSpec } from "../../rehearsal/cloud/machines.ts";
import type { Docker } from "../../rehearsal/docker/docker.ts";
import { ensureDocker, type DockerHandle } from "../../rehearsal/docker/ensure.ts";
import { ensureImage } from "../../rehearsal/images.ts";
import { changed, readKernel, type KernelSettings } from "../../rehearsal/ledger/kernel.ts";
import { kernelHolders } from "../../rehearsal/ledger/kernel-hold.ts";
import { Ledger, leftovers } from "../../rehearsal/ledger.ts";
import { DockerMachines } from "../../rehearsal/machines/machines.ts";
import { Registry } from "../../rehearsal/registry.ts";

const { Client, utils } = ssh2;
const say = (line: string): void => console.error(`machines: ${line}`);
const deployKey = utils.generateKeyPairSync("ed25519");
const hostKey = utils.generateKeyPairSync("ed25519");

/** As a deployment's own, by hand: an account, the host's key, Docker. */
const USER_DATA = `#cloud-config
${JSON.stringify({
  users: [{ name: "deploy", shell: "/bin/bash", lock_passwd: true, sudo: ["ALL=(ALL) NOPASSWD:ALL"], ssh_authorized_keys: [deployKey.public] }],
  disable_root: true,
  ssh_pwauth: false,
  ssh_deletekeys: true,
  ssh_keys: { ed25519_private: hostKey.private, ed25519_public: hostKey.public },
  package_update: true,
  packages: ["docker.io", "docker-cli", "docker-compose", "iptables", "nftables"],
})}
`;

let handle: DockerHandle;
let docker: Docker;
let ledger: Ledger;
let machines: DockerMachines;
let registry: Registry;
let kernel: KernelSettings;
const [A, B] = [101, 102];
const VOLUME = 555;
const ips = new Map<number, string>();

function spec(id: number): MachineSpec {
  const ipv4 = machines.network.serverIps[id - A] ?? "";
  ips.set(id, ipv4);
  return { id, name: `berth-${id}`, ipv4, ipv6: null, image: "debian-13", userData: USER_DATA, sshKeys: [deployKey.public], location: "nbg1", memoryMb: 2048, cores: 2, diskGb: 40, start: true };
}

/** Run a command over SSH; the host's key must be the pinned one. */
function ssh(id: number, command: string, input = ""): Promise<{ readonly stdout: string; readonly code: number }> {
  const pinned = utils.parseKey(hostKey.public);
  if (pinned instanceof Error) throw pinned;
  return new Promise((resolve, reject) => {
    const client = new Client();
    const config: ConnectConfig = { host: ips.get(id) ?? "", username: "deploy", privateKey: deployKey.private, readyTimeout: 5_000, hostVerifier: (key: Buffer) => key.equals(pinned.getPublicSSH()) };
    client.on("error", reject).on("ready", () => {
      client.exec(command, (error, stream) => {
        if (error !== undefined) return reject(error);
        let stdout = "";
        stream.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
        stream.stderr.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
        stream.on("close", (code: number) => {
          client.end();
          resolve({ stdout, code });
        });
        stream.end(input);
      });
    }).connect(config);
  });
}

async function until<T>(what: string, seconds: number, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`, { cause: error });
      await sleep(200);
    }
  }
}

async function sshReady(id: number): Promise<void> {
  await until(`SSH to ${id}`, 60, async () => expect((await ssh(id, "true")).code).toBe(0));
}

/** `open`, `refused` or `silent`, as seen from this machine. */
function probe(id: number, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: ips.get(id) ?? "", port, timeout: 1_500 });
    const end = (seen: string): void => {
      socket.destroy();
      resolve(seen);
    };
    socket.on("connect", () => end("open")).on("error", () => end("refused")).on("timeout", () => end("silent"));
  });
}

function tcp(port: string): FirewallRule {
  return { direction: "in", protocol: "tcp", port, sourceIps: ["0.0.0.0/0", "::/0"], destinationIps: [] };
}

beforeAll(async () => {
  handle = await ensureDocker(say);
  docker = handle.docker;
  kernel = await readKernel();
  ledger = await Ledger.open(docker, say);
  machines = await DockerMachines.start({ docker, ledger, log: say });
  registry = await Registry.start({ docker, ledger, network: machines.network, log: say });
  machines.addFiles(registry.trust);
}, 600_000);

afterAll(async () => {
  machines?.close();
  await ledger?.close();
  await handle?.close();
}, 300_000);

test("two servers boot by cloud-init, and answer SSH with the pinned key and Docker", async () => {
  const started = performance.now();
  const seconds = (): string => ((performance.now() - started) / 1000).toFixed(1);
  await Promise.all([A, B].map(async (id) => {
    await machines.createServer(spec(id));
    say(`server ${id}: created after ${seconds()} s`);
    await sshReady(id);
    say(`server ${id}: SSH after ${seconds()} s`);
    await until("cloud-init", 150, async () => expect((await ssh(id, "cloud-init status --wait; sudo docker version --format {{.Server.Version}}")).stdout).toMatch(/status: done\n(2[0-9]\.)/));
    say(`server ${id}: Docker ready after ${seconds()} s`);
  }));
  expect((await ssh(A, "hostname; systemctl is-system-running; systemctl --failed --plain --no-legend")).stdout).toBe(`berth-${A}\nrunning\n`);
  expect(await machines.log(A)).toMatch(/Accepted publickey for deploy .* ED25519/);
  // Another key than the pinned one is not talked to.
  expect((await machines.exec(B, ["cat", "/etc/ssh/ssh_host_ed25519_key.pub"])).stdout).toContain(hostKey.public.split(" ")[1]);
}, 300_000);

test("Docker inside runs an image pulled by digest, with a login", async () => {
  const local = await ensureImage("redis", { docker, log: say });
  const reference = await registry.push(local, "redis");
  expect(reference).toMatch(/^registry\.berth\.test\/redis@sha256:[0-9a-f]{64}$/);
  expect((await ssh(A, `sudo docker pull -q ${reference}`)).stdout).toMatch(/no basic auth credentials|authentication required|unauthorized/i);
  expect((await ssh(A, `sudo docker login --username ${registry.username} --password-stdin ${registry.server}`, registry.password)).stdout).toContain("Login Succeeded");
  expect((await ssh(A, `sudo docker run --rm ${reference} redis-server --version`)).stdout).toContain("Redis server v=8.0");
  // A name that the server resolves, a container inside resolves too.
  expect((await ssh(A, `sudo docker network create n >/dev/null && sudo docker run --rm --network n ${reference} getent hosts registry.berth.test`)).stdout).toContain(machines.network.registryIp);
}, 120_000);

test("the metadata service gives each server its own user data", async () => {
  const get = (path: string): Promise<{ readonly stdout: string }> => ssh(B, `curl -sS -m 3 http://169.254.169.254/hetzner/v1/${path}`);
  expect((await get("userdata")).stdout).toBe(USER_DATA);
  expect((await get("metadata")).stdout).toContain(`instance-id: ${B}\n`);
  expect((await get("metadata/hostname")).stdout).toBe(`berth-${B}`);
});

test("a firewall lets in what it lists, and stays over a reboot", async () => {
  await ssh(A, "sudo systemd-run --unit listener python3 -m http.server 8080");
  await until("the listener", 10, async () => expect(await probe(A, 8080)).toBe("open"));
  await machines.applyFirewall(A, [tcp("22"), tcp("80-85")]);
  expect([await probe(A, 8080), await probe(A, 81), await probe(A, 22)]).toEqual(["silent", "refused", "open"]);
  expect((await ssh(A, `curl -sS -o /dev/null -m 5 -w '%{http_code}' https://${registry.server}/v2/ -k`)).stdout).toBe("401");
  await machines.reboot(A);
  await sshReady(A);
  expect([await probe(A, 8080), await probe(A, 81)]).toEqual(["silent", "refused"]);
  await machines.applyFirewall(A, null);
  expect(await probe(A, 8080)).toBe("refused");
}, 120_000);

test("a volume's data outlives detaching, reboots hard and orderly, and its server", async () => {
  const device = `/dev/disk/by-id/scsi-0HC_Volume_${VOLUME}`;
  await machines.createVolume({ id: VOLUME, sizeGb: 10, format: null });
  await machines.attachVolume(VOLUME, A);
  expect((await ssh(A, `sudo blkid -p ${device}`)).code).toBe(2);
  const mount = `sudo mkdir -p /mnt/v && sudo mount ${device} /mnt/v`;
  expect(await ssh(A, `sudo mkfs.ext4 -q ${device} && ${mount} && echo kept | sudo tee /mnt/v/f && df --output=size -BG /mnt/v | tail -1`)).toMatchObject({ code: 0, stdout: expect.stringMatching(/kept\n\s+10G/) });
  await machines.reboot(A);
  await sshReady(A);
  expect((await ssh(A, `${mount} && cat /mnt/v/f`)).stdout).toBe("kept\n");
  await ssh(A, "sync");
  await machines.reset(A);
  await sshReady(A);
  expect((await ssh(A, `${mount} && cat /mnt/v/f`)).stdout).toBe("kept\n");
  await machines.detachVolume(VOLUME);
  await machines.reboot(A);
  await sshReady(A);
  expect((await ssh(A, `test -e ${device}`)).code).toBe(1);
  await machines.deleteServer(A);
  await machines.attachVolume(VOLUME, B);
  expect((await ssh(B, `${mount} && cat /mnt/v/f`)).stdout).toBe("kept\n");
}, 180_000);

test("a server that restarts itself comes back; one that is shut down stays off", async () => {
  const boot = (await ssh(B, "cat /proc/sys/kernel/random/boot_id; stat -c %Y /run/systemd/system")).stdout;
  await ssh(B, "sudo systemctl reboot").catch(() => undefined);
  await sleep(500);
  await until("the reboot", 60, async () => expect((await ssh(B, "cat /proc/sys/kernel/random/boot_id; stat -c %Y /run/systemd/system")).stdout).not.toBe(boot));
  await machines.shutdown(B);
  expect(await machines.isRunning(B)).toBe(false);
  await machines.resize(B, { memoryMb: 1024, cores: 1, diskGb: 40 });
  await machines.powerOn(B);
  await sshReady(B);
}, 120_000);

test("private networks connect servers beside the public one", async () => {
  await machines.attachNetwork(B, { networkId: 7, name: "net", ipRange: "10.213.0.0/16", ip: "10.213.0.5", macAddress: "86:00:00:00:00:01" });
  expect((await ssh(B, "ip -4 -o address show; ip route show default")).stdout).toMatch(/inet 10\.213\.0\.5\/16[\s\S]*default via 198\.18\.\d+\.1 dev eth0/);
  await machines.detachNetwork(B, 7);
});

test("nothing is left after it is taken back, kernel settings included", async ({ skip }) => {
  await ssh(B, "sudo sysctl -w vm.overcommit_memory=1 vm.vfs_cache_pressure=101; echo never | sudo tee /sys/kernel/mm/transparent_hugepage/enabled");
  // Written inside, it is the machine's own: that is why it is put back.
  expect(changed(kernel, await readKernel())).toContain("/proc/sys/vm/vfs_cache_pressure");
  expect(await leftovers(docker, ledger.id)).not.toEqual([]);
  machines.close();
  await ledger.close();
  expect(await leftovers(docker, ledger.id)).toEqual([]);
  const others = await kernelHolders();
  skip(others.length > 0, `runs ${others.join(", ")} are up beside the tests, and the kernel stays as they need it`);
  expect(changed(kernel, await readKernel())).toEqual([]);
}, 120_000);
