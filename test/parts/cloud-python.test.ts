import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CloudApi, startCloud } from "../../rehearsal/cloud/api.ts";
import { FakeMachines } from "../rehearsal/cloud/fake-machines.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../rehearsal/cloud/lifecycle.py", import.meta.url));

let directory: string;
let api: CloudApi;
let machines: FakeMachines;
/** Why Hetzner's own client is not there, when it is not. */
let missing: string | undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-hcloud-"));
  missing = await installClient();
  machines = new FakeMachines();
  api = await startCloud({ machines, ipv4Addresses: ["192.0.2.10", "192.0.2.11"] });
});

afterAll(async () => {
  await api.close();
  await rm(directory, { recursive: true, force: true });
});

/** Only an index that cannot be reached is a reason to skip; anything else must fail. */
async function installClient(): Promise<string | undefined> {
  if (!existsSync("/usr/bin/python3")) return "python3 is not installed";
  await run("python3", ["-m", "venv", directory]);
  try {
    await run(join(directory, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20", "hcloud>=2.6,<3"]);
    return undefined;
  } catch (error) {
    const text = String(error);
    if (/ConnectTimeout|NewConnectionError|Failed to establish|Name or service|Temporary failure|Read timed out|ProxyError|No matching distribution/.test(text)) return "the Python package index cannot be reached";
    throw error;
  }
}

test("Hetzner's own Python client takes a server, a volume, a firewall, an address and a network through their lives", async ({ skip }) => {
  skip(missing !== undefined, `hcloud client: ${missing}`);
  const { stdout } = await run(join(directory, "bin/python"), [script, api.url, api.token], { timeout: 50_000 });
  const lines = stdout.trim().split("\n");
  expect(lines).toMatchInlineSnapshot(`
    [
      "same key again: uniqueness_error",
      "server: running, cx23, 4 GB, debian-13, 192.0.2.10",
      "by label: ['web']",
      "attached volume deleted: resource_in_use",
      "volume: available, 20 GB, at the server, /dev/disk/by-id/scsi-0HC_Volume_ID",
      "firewall: ['tcp', 'icmp'], applied to 1",
      "firewall in use deleted: resource_in_use",
      "private: 10.0.1.5",
      "type changed while running: server_not_stopped",
      "after shutdown: off",
      "after change of type: running, cx33",
      "protected server deleted: protected",
      "deleted server read: not_found",
      "left over: 0 servers, 0 volumes, 0 firewalls, 0 primary_ips, 0 networks, 0 ssh_keys",
    ]
  `);
  expect(lines.at(-1)).toBe("left over: 0 servers, 0 volumes, 0 firewalls, 0 primary_ips, 0 networks, 0 ssh_keys");
  const calls = machines.calls.map((call) => call.split(" ")[0]);
  for (const call of ["createServer", "attachVolume", "resizeVolume", "detachVolume", "reboot", "resize", "attachNetwork", "deleteServer", "deleteVolume"]) expect(calls).toContain(call);
});
