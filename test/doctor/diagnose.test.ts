import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { parseDoctor } from "../../src/doctor/parse.ts";
import { doctorTable } from "../../src/doctor/table.ts";
import { CAUSES } from "../../src/doctor/types.ts";
import { type Cause, diagnosis, healthySection, ids, sectionNames, stream } from "./captured.ts";

/** Every likely cause that facts captured on a real host lead to, in order. */
const CAPTURED: readonly [Cause, readonly string[]][] = [
  ["cpu", ["cpu.busy", "redis.latency"]],
  ["memory", ["redis.memory"]],
  ["swap", ["swap.redis"]],
  ["disk", ["disk.full", "redis.aof-status"]],
  ["foreign", ["disk.foreign", "disk.low"]],
  ["keys", ["redis.slow-command", "redis.latency"]],
  ["leak", ["connections.surplus"]],
  ["hung", ["worker.hung"]],
  ["rdb", ["redis.save"]],
  ["overcommit", ["kernel.overcommit"]],
  ["thp", ["kernel.hugepages"]],
  ["loading", ["redis.loading", "redis.latency"]],
  // Off, it may not be told as a setting that a restart takes back: that restart loses the jobs.
  ["aof", ["redis.aof"]],
  // A monitor that may write everywhere, on a disk that somebody else filled.
  ["mounted", ["disk.full", "redis.aof-status"]],
];

test.each(CAPTURED)("%s: the planted cause is first", (cause, expected) => {
  expect(ids(diagnosis(cause))).toEqual(expected);
});

test("a healthy server: no finding", async () => {
  expect(ids(diagnosis())).toEqual([]);
  await expect(doctorTable(diagnosis())).toMatchFileSnapshot("golden/healthy.txt");
});

test.each(CAPTURED)("%s, as it is printed: 80 columns", async (cause) => {
  const text = doctorTable(diagnosis(cause));
  await expect(text).toMatchFileSnapshot(`golden/${cause}.txt`);
  // A digest and a command are left whole, so that they can be copied.
  expect(text.split("\n").filter((line) => line.length > 80 && !line.includes("sha256") && !/^ *\(?`[^`]*`\S*$/.test(line))).toEqual([]);
});

test.each(sectionNames())("without %s: nothing is made up", (name) => {
  expect(ids(diagnosis(undefined, { [name]: undefined }))).toEqual([]);
  expect(ids(diagnosis(undefined, { [name]: "" }))).toEqual([]);
});

test.each(sectionNames().filter((name) => /redis$|^(stats|others|latency|intrinsic)$/.test(name)))("%s, which the script could not have: nothing is made up", (name) => {
  expect(ids(diagnosis(undefined, { [name]: "! it could not be had" }))).toEqual([]);
});

test("a section that is garbled spoils only itself, and says so", () => {
  const { findings, seen } = diagnosis(undefined, { swaps: "Filename Size\n/swapfile much little" });
  expect(findings).toEqual([]);
  expect(seen.find(({ label }) => label === "swap")).toMatchInlineSnapshot(`
    {
      "known": false,
      "label": "swap",
      "text": "the facts' section "swaps" is malformed: size: required: a number; found: /swapfile",
    }
  `);
});

test("nothing at all: nothing is known, and each says why", () => {
  const { findings, seen } = diagnose(parseDoctor(""));
  expect(findings).toEqual([]);
  expect(seen.filter(({ known }) => known)).toEqual([]);
});

test("Docker does not answer: that is the cause, and the host is told all the same", () => {
  const silent = "! Docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
  const redis = `"@@ x"\n${silent}`;
  const found = diagnosis(undefined, { docker: silent, stats: silent, others: silent, inspect: undefined, "before-redis": redis, "after-redis": redis, latency: silent, intrinsic: silent });
  expect(ids(found)).toEqual(["host.docker"]);
  expect(found.findings[0]?.evidence).toMatchInlineSnapshot(`
    [
      "Docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    ]
  `);
  expect(found.seen.find(({ label }) => label === "memory")?.known).toBe(true);
  expect(found.seen.find(({ label }) => label === "queues")).toMatchInlineSnapshot(`
    {
      "known": false,
      "label": "queues",
      "text": "Docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    }
  `);
});

/** Docker's word of one service, changed. */
function inspect(service: string, change: (text: string) => string): string {
  return healthySection("inspect").split("\n").map((line) => (line.includes(`"com.docker.compose.service":"${service}"`) ? change(line) : line)).join("\n");
}

test("a full volume: making room includes Redis's file, written anew before anything restarts it", () => {
  expect(diagnosis("disk").findings[0]?.next).toMatch(/^Delete what is not data .* before anything restarts Redis, .*`berth exec redis -- .* redis-cli BGREWRITEAOF'`\.$/);
});

test("of several nodes, what is to be typed on a server names the one that was asked; and a remount what comes before it", () => {
  const node = { name: "jobs", address: "10.83.7.7", redis: "here", postgres: "here", api: "here", at: {}, last: true, canary: true, instances: [], others: [], privatePorts: [], refused: [] };
  const change = { expectations: JSON.stringify({ ...(JSON.parse(healthySection("expectations")) as object), node }) };
  expect(diagnosis("hung", change).findings[0]?.next).toContain("`berth ssh --node=jobs -- sudo docker restart --time 10 berth-worker-1`");
  const mounts = healthySection("mounts").replaceAll(" /mnt/berth ", " /mnt/other ");
  const gone = diagnosis(undefined, { ...change, mounts }).findings[0];
  expect(gone?.id).toBe("disk.volume");
  expect(gone?.next).toContain("`berth ssh --node=jobs -- sudo systemctl restart berth-volume`");
  const off = stream(undefined, { mounts }).replaceAll("aof_enabled:1", "aof_enabled:0");
  expect(diagnose(parseDoctor(off)).findings.find(({ id }) => id === "disk.volume")?.next).toMatch(/^First what redis\.aof says: /);
});

test("Redis does not run", () => {
  const why = "! the container of redis is exited, exit code 1";
  const found = diagnosis(undefined, {
    "before-redis": why, "after-redis": why, latency: why, intrinsic: why,
    inspect: inspect("redis", (line) => line.replace('"Status":"running"', '"Status":"exited"').replace('"ExitCode":0', '"ExitCode":1')),
  });
  expect(ids(found)).toEqual(["redis.down", "containers.unhealthy"]);
  expect(found.findings[0]?.evidence[0]).toBe("its container is exited, exit code 1");
  expect(found.findings[1]?.followsFrom).toEqual(["redis.down"]);
});

test("Redis runs and does not answer", () => {
  const why = "! Redis: no answer within 3 s";
  const found = diagnosis(undefined, { "before-redis": why, "after-redis": "! Redis: no answer to the question before", latency: why });
  expect(ids(found)).toEqual(["redis.silent"]);
});

test("the page has every cause, in the order of the ranking", () => {
  const rows = readFileSync(join(import.meta.dirname, "../../docs/diagnosis.md"), "utf8").split("\n| finding | seen by |\n")[1]?.split("\n\n")[0] ?? "";
  expect(rows.split("\n").flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, id]) => id))).toEqual(CAUSES);
});

test("a worker that is gone is told from one that hangs", () => {
  const found = diagnosis(undefined, { inspect: inspect("worker", (line) => line.replace('"Status":"running"', '"Status":"restarting"')) });
  expect(ids(found)).toEqual(["worker.down", "containers.unhealthy"]);
});

test("secrets and jobs: of a slow command only its name and first word are kept", () => {
  const entry = '[[1,4102444800,20000,["HMSET","user:7","password","hunter22"],"172.18.0.4:1",""],[2,4102444800,9000000,["auth","hunter22"],"",""],[3,4102444800,99000,["EVALSHA","abc","1","hunter22"],"",""]]';
  const text = stream().replace(/^(@@ after-redis\n[^]*?"@@ slowlog"\n).*$/m, `$1${entry}`);
  const { redis } = parseDoctor(text);
  expect(redis.slowlog.known && redis.slowlog.value.map(({ command, subject }) => `${command} ${subject}`.trim())).toEqual(["HMSET user:7", "AUTH", "EVALSHA"]);
  expect(JSON.stringify(diagnose(parseDoctor(text)))).not.toContain("hunter22");
});
