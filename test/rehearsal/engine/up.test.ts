import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { inProcessUp, UpError, type UpOptions, type UpResult } from "../../../rehearsal/engine/up.ts";
import { Secret } from "../../../src/config/secret.ts";
import { Bench } from "../cloud/client.ts";
import { Sshd, sshdMissing } from "./sshd.ts";

// Each run is a process that loads Pulumi: seconds, on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const PLANTED = "planted-document-c0ffee";

let bench: Bench;
let sshd: Sshd;
let directory: string;
let lines: string[];

beforeEach(async (context) => {
  context.skip(sshdMissing !== undefined, sshdMissing);
  bench = await Bench.start();
  sshd = await Sshd.start();
  directory = mkdtempSync(join(tmpdir(), "berth-engine-"));
  lines = [];
});

afterEach(async () => {
  if (sshdMissing !== undefined) return;
  sshd.stop();
  await bench.close();
  rmSync(directory, { recursive: true, force: true });
});

function options(config: Record<string, string> = {}, program = "whole"): UpOptions {
  return {
    programPath: fileURLToPath(new URL(`fixtures/${program}.ts`, import.meta.url)),
    project: "berth",
    stack: "test",
    config: {
      "berth:publicKey": sshd.read("client.pub").trim(),
      "berth:deployKey": sshd.read("client"),
      "berth:hostKey": sshd.read("host.pub").trim(),
      "berth:sshPort": String(sshd.port),
      "berth:user": sshd.user,
      "berth:document": PLANTED,
      "berth:probeFile": join(directory, "probe"),
      ...Object.fromEntries(Object.entries(config).map(([key, value]) => [`berth:${key}`, value])),
    },
    secretKeys: ["berth:deployKey", "berth:document"],
    endpoint: bench.api.url,
    token: bench.api.token,
    stateFile: join(directory, "state.json"),
    log: (line) => lines.push(line),
  };
}

const up = (config?: Record<string, string>): Promise<UpResult> => inProcessUp(options(config));

/** `R`, `S`, `Z` … of a process, or `gone`. */
function processState(pid: string): string {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) ? (readFileSync(file, "utf8").split(") ")[1]?.[0] ?? "") : "gone";
}

async function failure(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (error) {
    if (error instanceof UpError) return error.message;
    throw error;
  }
  throw new Error("the run must fail, but it succeeded");
}

describe("a first up", () => {
  test("creates everything in the program's order, and gives its outputs", async () => {
    const { outputs, counters } = await up();
    const created = bench.api.requests.filter((it) => it.route.startsWith("POST") && it.status === 201).map((it) => it.route);
    const order = (route: string): number => created.indexOf(route);
    expect(created.toSorted()).toEqual([
      "POST /firewalls", "POST /networks", "POST /networks/{id}/actions/add_subnet", "POST /primary_ips", "POST /servers",
      "POST /servers/{id}/actions/attach_to_network", "POST /ssh_keys", "POST /volumes", "POST /volumes/{id}/actions/attach",
    ]);
    for (const before of ["POST /ssh_keys", "POST /firewalls", "POST /primary_ips"]) expect(order(before)).toBeLessThan(order("POST /servers"));
    expect(order("POST /servers")).toBeLessThan(order("POST /volumes/{id}/actions/attach"));
    expect(order("POST /networks/{id}/actions/add_subnet")).toBeLessThan(order("POST /servers/{id}/actions/attach_to_network"));
    expect(bench.machines.specs).toMatchObject([{ name: "web", ipv4: "192.0.2.10", ipv6: null, userData: "#cloud-config\n# first\n", sshKeys: [sshd.read("client.pub").trim()] }]);

    expect(outputs).toMatchObject({ memory: 4, address: "192.0.2.10", serverId: String(bench.machines.specs[0]?.id), report: "released" });
    // The command that nobody waits for ran, after the one it depends on.
    expect(readFileSync(join(directory, "probe"), "utf8")).toBe("192.0.2.10\n");
    expect(counters).toEqual({ created: 12, updated: 0, unchanged: 0, sshConnections: 2 });
    await expect.poll(() => sshd.signIns).toBe(2);
  });

  test("hands secrets over unwrapped, and prints none", async () => {
    const { outputs } = await up({ command: `echo ${PLANTED} >&2` });
    expect(outputs["laid"]).toBeInstanceOf(Secret);
    expect(outputs["laid"] instanceof Secret ? outputs["laid"].reveal() : "").toBe(PLANTED);
    expect(outputs["nested"] instanceof Secret ? outputs["nested"].reveal() : "").toBe(JSON.stringify({ password: PLANTED }));
    expect(lines.join("\n")).not.toContain(PLANTED);
    expect(lines).toContain("release: [secret]");
    expect(lines).toContain("files: done");
    expect(lines.join("\n")).not.toContain("OPENSSH PRIVATE KEY");
  });

  test("keeps a state that only its owner reads, without the inputs", async () => {
    await up();
    const file = join(directory, "state.json");
    expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
    expect(readFileSync(file, "utf8")).not.toContain("OPENSSH PRIVATE KEY");
  });

  test("adopts a volume that exists", async () => {
    const volume = (await bench.done("/volumes", { name: "old", size: 10, location: "nbg1" })).body.id("volume");
    const { outputs } = await up({ volume: String(volume) });
    expect(outputs["volumeId"]).toBe(String(volume));
    expect(bench.api.requests.filter((it) => it.route === "POST /volumes")).toHaveLength(1);
    expect(bench.machines.calls).toContain(`attachVolume ${volume} ${String(outputs["serverId"])}`);
  });

  test("waits for an sshd that comes late", async () => {
    const late = await Sshd.prepare();
    try {
      const running = up({ sshPort: String(late.port), hostKey: late.read("host.pub"), deployKey: late.read("client") });
      await expect.poll(() => lines.some((line) => line.startsWith("files: dial 1/30 failed")), { timeout: 10_000 }).toBe(true);
      await late.listen();
      expect((await running).outputs["report"]).toBe("released");
    } finally {
      late.stop();
    }
  });
});

test("resources that nobody reads are carried out in their order, and their failures are seen", async () => {
  await inProcessUp(options({}, "leaves"));
  expect(readFileSync(join(directory, "probe"), "utf8")).toBe("first\nsecond\n");
  rmSync(join(directory, "state.json"));
  expect(await failure(inProcessUp(options({ last: "exit 4" }, "leaves")))).toBe('second (command:local:Command): exit status 4: running "exit 4":\n');
});

describe("a later up", () => {
  test("changes nothing when nothing changed", async () => {
    const first = await up();
    bench.api.books.actions.records.clear();
    const before = bench.api.requests.length;
    const second = await up();
    expect(second.counters).toEqual({ created: 0, updated: 0, unchanged: 12, sshConnections: 0 });
    expect(bench.api.requests.slice(before).map((it) => it.route)).toEqual(["GET /server_types"]);
    expect({ ...second.outputs, laid: 0, nested: 0 }).toEqual({ ...first.outputs, laid: 0, nested: 0 });
  });

  test("runs a changed command again, and only that", async () => {
    await up();
    const second = await up({ command: "echo second" });
    expect(second.outputs["report"]).toBe("second");
    expect(second.counters).toEqual({ created: 0, updated: 1, unchanged: 11, sshConnections: 1 });
    expect(lines).toContain("… release (command:remote:Command) updating (create)");
  });

  test("sets changed firewall rules", async () => {
    await up();
    expect((await up({ port: "443" })).counters.updated).toBe(1);
    await bench.api.books.actions.idle();
    expect(bench.machines.calls.at(-1)).toMatch(/^applyFirewall \d+ in\/tcp\/443$/);
  });

  test("ignores what the program says to ignore", async () => {
    await up();
    expect((await up({ userData: "second" })).counters).toMatchObject({ updated: 0, unchanged: 12 });
  });

  test("refuses a change that only the real engine can make", async () => {
    await up();
    expect(await failure(up({ type: "cx33" }))).toBe(
      "web (hcloud:Server): serverType changed, and the in-process engine only creates: use --engine pulumi to change or replace this resource, or start the rehearsal anew",
    );
  });

  test("goes on where a failed one stopped", async () => {
    expect(await failure(up({ command: "exit 3" }))).toContain("exited with status 3");
    const second = await up();
    expect(second.counters).toMatchObject({ created: 2, unchanged: 10 });
  });
});

describe("a failure", () => {
  test("of a command is one text in the provider's words, without its standard input", async () => {
    const message = await failure(up({ command: "echo out; echo err >&2; exit 3" }));
    expect(message).toBe('release (command:remote:Command): Process exited with status 3: running "echo out; echo err >&2; exit 3":\nout\nerr\n');
    expect(message).not.toContain(PLANTED);
  });

  test("of the host key ends the run at once, and nothing was sent", async () => {
    const message = await failure(up({ hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDI1NTE5AAAAIDI1NTE5AAAAIDI1NTE5AAAAIDI1" }));
    expect(message).toContain(`files (command:remote:Command): the host key of 127.0.0.1:${sshd.port} is not the pinned one: required ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDI1`);
    expect(message.split("\n")).toHaveLength(1);
    expect(lines.filter((line) => line.includes("retrying"))).toEqual([]);
    expect(sshd.signIns).toBe(0);
  });

  test("of a host key of another kind says so too", async () => {
    const ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBA";
    expect(await failure(up({ hostKey: ecdsa }))).toContain("the host has no key of that kind");
  });

  test("of an SSH key that is registered already says what to do", async () => {
    await bench.post("/ssh_keys", { name: "other", public_key: sshd.read("client.pub") });
    const message = await failure(up());
    expect(message).toContain("web (hcloud:SshKey): POST /ssh_keys: SSH key with the same fingerprint already exists (uniqueness_error). Hetzner takes a public key, and a name, once per project: delete the other key");
    expect(bench.machines.specs).toEqual([]);
  });

  test("of stock is not tried again; a lock or a lost moment is", async () => {
    bench.api.faults.next("POST /ssh_keys", { code: "locked" }, 2);
    bench.api.faults.next("POST /firewalls", { code: "rate_limit_exceeded" });
    bench.api.faults.next("POST /servers", { code: "resource_unavailable" });
    expect(await failure(up())).toBe("web (hcloud:Server): POST /servers: error during placement (resource_unavailable)");
    expect((await up()).outputs["report"]).toBe("released");
  });

  test("of an action carries its reason", async () => {
    bench.machines.fail("createServer", "no memory left");
    expect(await failure(up())).toBe("web (hcloud:Server): action create_server failed: no memory left (action_failed)");
  });

  test("of the program itself is told as it is", async () => {
    expect(await failure(inProcessUp(options({}, "throws")))).toBe("2 faults in the configuration");
    expect(await failure(inProcessUp(options({}, "rejects")))).toContain("nobody caught this");
    expect(await failure(inProcessUp(options({}, "unknown-type")))).toMatch(/^group \(hcloud:PlacementGroup\): the in-process engine has no such type; there are /);
  });
});

describe("an interrupt", () => {
  const begun = (): Promise<void> => vi.waitUntil(() => lines.includes("sleeper: begun"), { timeout: 30_000 }).then(() => undefined);
  const sleepState = (): string => processState(readFileSync(join(directory, "probe"), "utf8").trim());

  /** Interrupt once the command has begun; how long the end took, in milliseconds. */
  async function interrupted(kind: "local" | "remote"): Promise<number> {
    const controller = new AbortController();
    const running = failure(inProcessUp({ ...options({ kind }, "sleeps"), signal: controller.signal }));
    await begun();
    const started = performance.now();
    controller.abort();
    expect(await running).toBe("interrupted");
    return performance.now() - started;
  }

  test("ends a command on this machine, with what it started", async () => {
    expect(await interrupted("local")).toBeLessThan(8_000);
    await expect.poll(sleepState, { timeout: 10_000 }).toMatch(/^(gone|Z)$/);
  });

  test("lets go of a command on a server, which goes on there", async () => {
    expect(await interrupted("remote")).toBeLessThan(8_000);
    expect(sleepState()).toBe("S");
    process.kill(Number(readFileSync(join(directory, "probe"), "utf8")));
  });

  test("by the death of the caller ends its commands too", async () => {
    const script = join(directory, "caller.mjs");
    const { log: _log, ...given } = options({ kind: "local" }, "sleeps");
    const module = fileURLToPath(new URL("../../../rehearsal/engine/up.ts", import.meta.url));
    writeFileSync(script, `import { inProcessUp } from ${JSON.stringify(module)};\nawait inProcessUp({ ...${JSON.stringify(given)}, log: (line) => console.log(line) });\n`);
    const caller = spawn(process.execPath, ["--import", "tsx", script], { cwd: fileURLToPath(new URL("../../..", import.meta.url)), stdio: ["ignore", "pipe", "inherit"] });
    caller.stdout.setEncoding("utf8").on("data", (text: string) => lines.push(...text.split("\n")));
    await begun();
    caller.kill("SIGKILL");
    // Gone, or dead and not yet collected.
    await expect.poll(sleepState, { timeout: 10_000 }).toMatch(/^(gone|Z)$/);
  });
});

test("a connection that is lost is an error, not a wait", async () => {
  const running = up({ command: "echo $PPID; kill -9 $PPID; sleep 2" });
  expect(await failure(running)).toMatch(/^release \(command:remote:Command\): (wait: remote command exited without exit status or exit signal|the connection was lost: .*): running "echo/);
});
