import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { MachineSpec } from "../../../rehearsal/cloud/machines.ts";
import { metadataDocuments } from "../../../rehearsal/machines/metadata.ts";
import { metaData } from "../../../rehearsal/machines/seed.ts";
import { createArguments } from "../../../rehearsal/machines/server-arguments.ts";
import { freeLetter, type Server, volumesFile } from "../../../rehearsal/machines/server.ts";
import { tar } from "../../../rehearsal/machines/tar.ts";
import { numbers } from "../../../rehearsal/machines/volumes.ts";

const spec: MachineSpec = {
  id: 7, name: "berth-prod", ipv4: "198.18.0.10", ipv6: null, image: "debian-13", userData: "#cloud-config\n{}\n", sshKeys: ["ssh-ed25519 AAAA a"],
  location: "nbg1", memoryMb: 2048, cores: 4, diskGb: 40, start: true,
};

test("a server is created with systemd's needs and its type's size", () => {
  const args = createArguments({ ...spec, container: "c", hostname: spec.name, network: "n", ipv4: "198.18.0.10", image: "i", dockerVolume: "v", label: ["--label", "l=1"], machineCores: 2 });
  expect(args.join(" ")).toMatchInlineSnapshot(`"create --name c --label l=1 --hostname berth-prod --network n --ip 198.18.0.10 --cap-add ALL --cap-drop SYS_RESOURCE --cap-drop SYS_TIME --security-opt seccomp=unconfined --security-opt apparmor=unconfined --cgroupns private --device-cgroup-rule a *:* rwm --tmpfs /run --tmpfs /tmp --stop-signal SIGRTMIN+3 --env container=docker --env SYSTEMD_PROC_CMDLINE=SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1 --volume v:/var/lib/docker --memory 2048m --memory-swap 2048m --cpus 2 i"`);
  expect(args, "fails where CAP_SYS_RESOURCE is not in the bounding set").not.toContain("--privileged");
});

test("cloud-init learns the server's name and keys", () => {
  expect(JSON.parse(metaData(spec))).toEqual({ "instance-id": "7", "local-hostname": "berth-prod", "public-keys": ["ssh-ed25519 AAAA a"] });
});

test("the metadata service answers with Hetzner's documents", () => {
  expect(metadataDocuments(spec)).toMatchInlineSnapshot(`
    {
      "metadata": "hostname: "berth-prod"
    instance-id: 7
    public-ipv4: "198.18.0.10"
    availability-zone: "nbg1-dc1"
    region: "eu-central"
    public-keys: ["ssh-ed25519 AAAA a"]
    ",
      "metadata.availability-zone": "nbg1-dc1",
      "metadata.hostname": "berth-prod",
      "metadata.instance-id": "7",
      "metadata.public-ipv4": "198.18.0.10",
      "metadata.region": "eu-central",
      "userdata": "#cloud-config
    {}
    ",
    }
  `);
});

test("volumes get the next free letter behind the root disk's", () => {
  const device = { path: "/dev/loop3", major: 7, minor: 3 };
  const server: Server = { id: 1, container: "c", dockerVolume: "v", ipv4: "198.18.0.10", volumes: new Map([[5, { device, letter: "b" }], [6, { device: { ...device, minor: 300 }, letter: "d" }]]), firewall: null, watch: null };
  expect(freeLetter(server)).toBe("c");
  expect(volumesFile(server)).toBe("5 7 3 b\n6 7 300 d\n");
  for (const letter of "cefghijklmnop".split("")) server.volumes.set(letter.charCodeAt(0), { device, letter });
  expect(() => freeLetter(server)).toThrow("attaching a volume to server 1: at most 15 are possible");
});

test("device numbers are Linux's", () => {
  expect(numbers(0x703)).toEqual({ major: 7, minor: 3 });
  expect(numbers(0x10072c)).toEqual({ major: 7, minor: 300 });
});

test("archives are what tar(1) reads, with modes", () => {
  const archive = tar([{ path: "/etc/a/b", mode: "0600", text: "grüße\n" }, { path: "/etc/c", mode: "0755", text: "" }]);
  expect(execFileSync("tar", ["-xOf", "-", "etc/a/b"], { input: archive }).toString()).toBe("grüße\n");
  const listing = execFileSync("tar", ["--utc", "-tvf", "-"], { input: archive }).toString();
  expect(listing.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "DATE").replace(/ +/g, " ")).toBe("drwxr-xr-x root/root 0 DATE etc/a/\n-rw------- root/root 8 DATE etc/a/b\n-rwxr-xr-x root/root 0 DATE etc/c\n");
  expect(() => tar([{ path: `/${"x".repeat(101)}`, mode: "0644", text: "" }])).toThrow("at most 100 bytes");
});
