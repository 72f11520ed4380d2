import { Writable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { redisCli } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { diagnoseHost, SECTIONS } from "../../src/cli/doctor.ts";
import { remoteExec } from "../../src/cli/exec.ts";
import { askHost, withHost } from "../../src/cli/host.ts";
import { logsOptions } from "../../src/cli/logs.ts";
import type { CauseId, Diagnosis } from "../../src/doctor/types.ts";
import {
  askForKeys, burnProcessor, fillRedis, fillVolume, hangWorker, leakConnections, restartLoading, setKernel, snapshotsByHand, strangerFillsVolume, swapRedisOut, type Undo,
} from "../helpers/causes.ts";
import { rehearsed } from "../helpers/deployment.ts";

/**
 * One living server, made slow in twelve ways, one after the other: each is planted by hand, looked for from a laptop, and taken back. Between
 * them the server is healthy, and nothing may be found.
 */
const rehearsal = rehearsed();

const HUGEPAGES = "/sys/kernel/mm/transparent_hugepage/enabled";
/** Of Redis's own CPU time, in seconds: above what a diagnosis takes. */
const LOAD_SECONDS = 12;

type Planted = readonly [name: string, plant: (it: Rehearsal) => Promise<Undo>, id: CauseId, evidence: RegExp];

const CAUSES: readonly Planted[] = [
  ["a processor that burns", burnProcessor, "cpu.busy", /transcoder wants \d\.\d cores/],
  ["memory near the limit", (it) => fillRedis(it, 0.9), "redis.memory", /INFO memory: \d+(?:\.\d)? MiB of 192 MiB maxmemory \(9\d %\)/],
  ["swap in use", swapRedisOut, "swap.redis", /VmSwap of redis-server: [\d.]+ [KM]iB/],
  ["a full disk", fillVolume, "disk.full", /\/mnt\/berth: 0 B of 9\.\d GiB free.*largest: \/mnt\/berth\/export\.tar.*aof_last_write_status:err/],
  ["a slow KEYS *", askForKeys, "redis.slow-command", /SLOWLOG: \d+ of it in 10 min, the worst [\d.]+ ms/],
  ["a leak", leakConnections, "connections.surplus", /27 client connections, 2 allowed api [\d.:]+ unnamed, age \d+ s/],
  ["a hung worker", hangWorker, "worker.hung", /queue email: \d stalled jobs?.*is stopped \(state T\)/],
  ["huge pages on", () => setKernel(HUGEPAGES, "always"), "kernel.hugepages", /transparent_hugepage\/enabled: always/],
  ["overcommit off", () => setKernel("/proc/sys/vm/overcommit_memory", "0"), "kernel.overcommit", /vm\.overcommit_memory = 0, required 1/],
  ["RDB saves set by hand", snapshotsByHand, "redis.save", /CONFIG GET save: "3600 1", the release has ""/],
  ["a stranger that eats the disk", strangerFillsVolume, "disk.foreign", /exporter \(image .*, running\) wrote 8\.\d GiB of the 9\.\d GiB used: \/mnt\/berth\/exports/],
  ["Redis loading", (it) => restartLoading(it, LOAD_SECONDS), "redis.loading", /loading:1, [\d.]+ MiB of [\d.]+ MiB read/],
];

/** After which of them a healthy server is looked at again; once before them all. */
const HEALTHY_AFTER = new Set(["a processor that burns", "a full disk", "a hung worker", "a stranger that eats the disk"]);

const ranked: string[] = [];

beforeAll(async () => {
  await rehearsal.it.up();
});
afterAll(() => {
  rehearsal.it.steps.line(`           ${ranked.join("\n           ")}`);
});

function look(): Promise<Diagnosis> {
  return diagnoseHost(rehearsal.it.sshTarget);
}

test("a healthy server: nothing is amiss, within 10 s and under 1 % of Redis's CPU", async () => {
  const it = rehearsal.it;
  const idle = await redisCpu(it, () => new Promise((resolve) => { setTimeout(resolve, 4000); }));
  let found: Diagnosis | undefined;
  const busy = await redisCpu(it, async () => {
    found = await look();
  });
  expect(found?.findings).toEqual([]);
  expect(found?.seen.filter(({ known }) => !known)).toEqual([]);
  it.steps.line(`           a diagnosis took ${busy.seconds.toFixed(1)} s; Redis used ${(busy.share * 100).toFixed(2)} % of a core, ${(idle.share * 100).toFixed(2)} % idle`);
  expect(busy.share - idle.share).toBeLessThan(0.01);
  expect(busy.seconds).toBeLessThan(30); // 10 s where nobody else works; said above
});

test.for(CAUSES)("%s is found first", { timeout: 300_000 }, async ([name, plant, id, evidence]) => {
  const undo = await plant(rehearsal.it);
  let findings: Diagnosis["findings"];
  try {
    ({ findings } = await look());
  } finally {
    await undo();
  }
  ranked.push(`${name}: ${findings.map((it) => it.id).join(", ") || "nothing"}`);
  expect(findings[0]?.id).toBe(id);
  expect(findings[0]?.evidence.join(" ")).toMatch(evidence);
  expect(findings[0]?.next).not.toBe("");
  const after = HEALTHY_AFTER.has(name) ? (await look()).findings : [];
  expect(after, `taken back: ${name}`).toEqual([]);
});

test("each of the seed text's commands can be run alone", { timeout: 120_000 }, async () => {
  const said = await Promise.all(Object.keys(SECTIONS).map(async (section) => [section, await askHost(rehearsal.it.sshTarget, ["doctor", section], 60)] as const));
  const shown = Object.fromEntries(said.map(([section, { code, stdout }]) => [section, `${code} ${stdout}`]));
  expect(Object.entries(shown).filter(([, text]) => !text.startsWith("0 ")).map(([section]) => section)).toEqual([]);
  expect(shown["stats"]).toMatch(/CPU %.*\n.*berth-/);
  expect(shown["latency"]).toMatch(/min: \d+ ms, max: \d+ ms, avg: [\d.]+ ms \(\d+ samples\)/);
  expect(shown["memory"]).toContain("used_memory_human:");
  expect(shown["clients"]).toMatch(/connected_clients:\d+[^]*name=api:client:file/);
  expect(shown["swap"]).toContain("kB of each process in swap:");
  expect(shown["queues"]).toContain('"name":"email"');
  expect(rehearsal.it.planted.filter((secret) => Object.values(shown).some((text) => text.includes(secret)))).toEqual([]);
});

/** `berth exec` and `berth ssh`, where there is no terminal: what they print, and their exit code. */
async function session(command: string): Promise<{ code: number; stdout: string }> {
  let stdout = "";
  const sink = () => Object.assign(new Writable({ write: (chunk: Buffer, _encoding, done) => { stdout += chunk.toString(); done(); } }), { isTTY: false });
  const code = await withHost(rehearsal.it.sshTarget, command, { stdin: process.stdin, stdout: sink() as unknown as NodeJS.WriteStream, stderr: process.stderr });
  return { code, stdout };
}

test("exec and ssh pass on words, output and exit code; logs tells one service from another", async () => {
  expect(await session(remoteExec("api", ["node", "-e", "console.log(process.argv[1]); process.exit(7)", "two  words 'quoted' $HOME"], false))).toEqual({ code: 7, stdout: "two  words 'quoted' $HOME\n" });
  expect(await session("id -un; kill -TERM $$")).toEqual({ code: 143, stdout: "deploy\n" });
  const logs = async (...args: string[]) => (await askHost(rehearsal.it.sshTarget, ["logs", ...logsOptions(args).words], 60)).stdout;
  expect(await logs("api", "--tail=all")).toMatch(/listens on/);
  expect(await logs("--service=api", "--service=worker", "--tail=all")).toMatch(/^api-1 +\| .*listens on[^]*^worker-1 +\| .*takes jobs|^worker-1 +\| .*takes jobs[^]*^api-1 +\| .*listens on/m);
});

/** Share of a core that Redis's process uses while something is done, by its own account. */
async function redisCpu(it: Rehearsal, act: () => Promise<void>): Promise<{ share: number; seconds: number }> {
  const used = async (): Promise<number> => {
    const info = await redisCli(it, "INFO cpu");
    return ["used_cpu_sys", "used_cpu_user"].reduce((sum, field) => sum + Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(info)?.[1]), 0);
  };
  const [before, began] = [await used(), performance.now()];
  await act();
  const seconds = (performance.now() - began) / 1000;
  return { share: ((await used()) - before) / seconds, seconds };
}
