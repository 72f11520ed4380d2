import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type CloudApi, startCloud } from "../../rehearsal/cloud/api.ts";
import { inProcessUp } from "../../rehearsal/engine/up.ts";
import { Secret } from "../../src/config/secret.ts";
import { FakeMachines } from "../rehearsal/cloud/fake-machines.ts";
import { Sshd, sshdMissing } from "../rehearsal/engine/sshd.ts";

/**
 * The stand-in and the in-process engine held to the real ones: Pulumi's engine, Hetzner's provider and the command
 * provider carry out the engine's own fixture, and both must come to the same.
 */
vi.setConfig({ testTimeout: 180_000 });

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = "test/rehearsal/engine/fixtures/whole.ts";
const TOOLS = ["pulumi", "pulumi-resource-hcloud", "pulumi-resource-command", "pulumi-language-nodejs"];
const absent = TOOLS.filter((tool) => !(process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, tool))));
const missing = absent.length > 0 ? `not on PATH: ${absent.join(", ")}` : sshdMissing;

let directory: string;
let machines: FakeMachines;
let api: CloudApi;
let sshd: Sshd;
let config: Record<string, string>;

beforeAll(async () => {
  if (missing !== undefined) return;
  directory = await mkdtemp(join(tmpdir(), "berth-pulumi-"));
  machines = new FakeMachines();
  api = await startCloud({ machines, ipv4Addresses: ["192.0.2.10", "192.0.2.11"] });
  sshd = await Sshd.start();
  config = {
    "berth:publicKey": sshd.read("client.pub").trim(),
    "berth:deployKey": sshd.read("client"),
    "berth:hostKey": sshd.read("host.pub").trim(),
    "berth:sshPort": String(sshd.port),
    "berth:user": sshd.user,
    "berth:document": "planted-document",
    "berth:probeFile": join(directory, "probe"),
  };
  for (const name of ["node_modules", "test", "package.json", "tsconfig.json"]) await symlink(join(ROOT, name), join(directory, name));
  for (const name of ["backend", "home"]) await mkdir(join(directory, name));
  await writeFile(join(directory, "Pulumi.yaml"), JSON.stringify({ name: "berth", main: PROGRAM, runtime: { name: "nodejs", options: { typescript: false, nodeargs: "--import tsx" } } }));
});

afterAll(async () => {
  if (missing !== undefined) return;
  sshd.stop();
  await api.close();
  await rm(directory, { recursive: true, force: true });
});

async function pulumi(args: readonly string[], change: Record<string, string> = {}): Promise<string> {
  const settings = { ...config, ...change, "hcloud:endpoint": api.url, "hcloud:token": api.token, "hcloud:pollInterval": "50ms" };
  await writeFile(join(directory, "Pulumi.real.yaml"), JSON.stringify({ config: settings }));
  const { stdout } = await run("pulumi", [...args, "--stack", "real", "--non-interactive", "--color", "never"], {
    cwd: directory,
    maxBuffer: 16 * 1024 * 1024,
    env: {
      ...process.env,
      PULUMI_HOME: join(directory, "home"),
      PULUMI_BACKEND_URL: `file://${join(directory, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "rehearsal",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    },
  }).catch((error: unknown) => {
    throw new Error(`pulumi ${args.join(" ")}: ${error instanceof Error && "stdout" in error ? String(error.stdout) : ""}`, { cause: error });
  });
  return stdout;
}

const up = (change?: Record<string, string>): Promise<string> => pulumi(["up", "--yes", "--skip-preview"], change);

describe("with the real engine and Hetzner's provider", () => {
  test("the stand-in serves create, nothing to do, change, resize and destroy", async ({ skip }) => {
    skip(missing !== undefined, missing);
    await pulumi(["stack", "init"]);
    expect(await up()).toMatch(/\+ 14 created/);
    const outputs = new Map(Object.entries(JSON.parse(await pulumi(["stack", "output", "--json", "--show-secrets"])) as object));
    expect(await up()).toMatch(/14 unchanged/);

    expect(await up({ "berth:command": "echo second", "berth:port": "443" })).toMatch(/~ 2 updated/);
    expect(machines.calls.at(-1)).toMatch(/^applyFirewall \d+ in\/tcp\/443$/);
    expect(await up({ "berth:userData": "second" })).not.toMatch(/replaced/);
    const before = machines.calls.length;
    await up({ "berth:type": "cx33" });
    expect(machines.calls.slice(before).filter((call) => /^(powerOff|resize|powerOn)/.test(call)).map((call) => call.split(" ")[0])).toEqual(["powerOff", "resize", "powerOn"]);

    // The same program by the in-process engine, against a second project.
    const other = await startCloud({ machines: new FakeMachines(), ipv4Addresses: ["192.0.2.10"] });
    try {
      const own = await inProcessUp({
        programPath: join(ROOT, PROGRAM), project: "berth", stack: "real", config, secretKeys: ["berth:deployKey", "berth:document"],
        endpoint: other.url, token: other.token, stateFile: join(directory, "state.json"), log: () => undefined,
      });
      const plain = new Map(Object.entries(own.outputs).map(([name, value]) => [name, value instanceof Secret ? value.reveal() : value]));
      expect([...plain.keys()].toSorted()).toEqual([...outputs.keys()].toSorted());
      for (const name of ["address", "laid", "memory", "report"]) expect(plain.get(name)).toEqual(outputs.get(name));
    } finally {
      await other.close();
    }
    expect(await readFile(join(directory, "probe"), "utf8")).toBe("192.0.2.10\n");

    expect(await pulumi(["destroy", "--yes", "--skip-preview"])).toMatch(/- 14 deleted/);
    const { servers, volumes, firewalls, primaryIps, networks, sshKeys } = api.books;
    expect([servers, volumes, firewalls, primaryIps, networks, sshKeys].map((kind) => kind.size)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
