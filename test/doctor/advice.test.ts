import { describe, expect, test } from "vitest";
import type { CauseId, Finding } from "../../src/doctor/types.ts";
import { type Cause, diagnosis, healthySection, stream } from "./captured.ts";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { parseDoctor } from "../../src/doctor/parse.ts";

/** What a diagnosis says to type: with this stack's names, for this node, and never what loses jobs. */

type Change = Readonly<Record<string, string | undefined>>;

function finding(id: CauseId, cause?: Cause, change?: Change): Finding {
  const { findings } = diagnosis(cause, change);
  const found = findings.find((one) => one.id === id);
  if (found === undefined) throw new Error(`a finding ${id} is required, found ${findings.map((one) => one.id).join(", ") || "none"}`);
  return found;
}

function expectations(change: object): { expectations: string } {
  return { expectations: JSON.stringify({ ...(JSON.parse(healthySection("expectations")) as object), ...change }) };
}

/** Docker's word of one service, changed. */
function inspect(service: string, change: (line: string) => string): { inspect: string } {
  return { inspect: healthySection("inspect").split("\n").map((line) => (line.includes(`"com.docker.compose.service":"${service}"`) ? change(line) : line)).join("\n") };
}

function stopped(service: string, status = "exited"): { inspect: string } {
  return inspect(service, (line) => line.replace('"Status":"running"', `"Status":"${status}"`));
}

const GONE = "! the container of redis is exited, exit code 1";
const NO_REDIS: Change = { "before-redis": GONE, "after-redis": GONE, latency: GONE, intrinsic: GONE };
const HUGE: Change = { hugepages: "[always] madvise never", "redis-status": "Name:\tredis-server\nVmSwap:\t0 kB\nTHP_enabled:\t1" };
const FEW: Change = { meminfo: "MemTotal: 16000000 kB\nMemAvailable: 400000 kB" };
const OFF = "First what redis.aof says: ";
const BOOT = "`berth ssh -- sudo /opt/berth/scripts/current/berth boot`";

describe("the append-only file is off", () => {
  test("it is switched on before anything else, and no restart is named", () => {
    const found = finding("redis.aof", "aof");
    expect(found.level).toBe("critical");
    expect(found.next).toMatch(/^No restart of Redis now: .*`berth exec redis -- sh -c 'REDISCLI_AUTH=\$\(cat \/run\/secrets\/redis_password\) redis-cli CONFIG SET appendonly yes'`, and the file is whole once /);
    expect(JSON.stringify(diagnosis("aof").findings)).not.toContain("docker restart");
  });

  test("by one of Redis's two answers alone it is off as well", () => {
    const only = (text: string) => diagnose(parseDoctor(text)).findings.map(({ id }) => id);
    expect(only(stream().replaceAll('"appendonly":"yes"', '"appendonly":"no"'))).toEqual(["redis.aof"]);
    expect(only(stream().replaceAll("aof_enabled:1", "aof_enabled:0"))).toEqual(["redis.aof"]);
  });

  test("a Redis that loads has it, whatever INFO says", () => {
    expect(diagnosis("loading").findings.map(({ id }) => id)).not.toContain("redis.aof");
  });

  test.each<[what: string, id: CauseId, change: Change]>([
    ["huge pages, which want a restart of Redis", "kernel.hugepages", HUGE],
    ["a boot, which may make Redis anew", "worker.down", stopped("worker")],
    ["another server type, at which the server is powered off", "memory.host", FEW],
  ])("%s: switching it on comes first", (_, id, change) => {
    expect(finding(id, "aof", change).next.startsWith(OFF)).toBe(true);
    expect(finding(id, undefined, change).next).not.toContain("First ");
  });

  test("what restarts nothing is not held up by it", () => {
    expect(finding("kernel.overcommit", "aof", { sysctl: "vm.overcommit_memory = 0" }).next).not.toContain("First ");
    expect(finding("disk.low", "aof", { filesystems: "Mounted on 1B-blocks Avail Inodes IFree\n/mnt/berth 10464022528 1046402252 655360 654031" }).next).not.toContain("First ");
  });
});

test("a Redis whose setting was changed is restarted by name, behind a rewrite of a file that may have a hole", () => {
  const changed = stream().replaceAll('"timeout":"0"', '"timeout":"60"');
  const next = (text: string) => diagnose(parseDoctor(text)).findings.find(({ id }) => id === "redis.changed")?.next;
  expect(next(changed)).toBe("`berth ssh -- sudo docker restart berth-redis-1` brings redis.conf's back. Change it in the stack's config, and not by CONFIG SET.");
  expect(next(changed.replaceAll("aof_last_write_status:ok", "aof_last_write_status:err"))).toMatch(/^First what redis\.aof-status says: /);
});

test("a Redis that does not run has nothing in memory: it is booted as it is", () => {
  expect(finding("redis.down", undefined, { ...NO_REDIS, ...stopped("redis") }).next)
    .toBe(`\`berth logs redis\` says why it stopped. Once that is mended, ${BOOT} starts it, and what waits for it, in order.`);
  // Whether it is on is not seen of one that is silent; and a paused one has its memory.
  const silent = "! Redis: no answer within 3 s";
  expect(finding("worker.down", undefined, { ...NO_REDIS, "before-redis": silent, "after-redis": silent, ...stopped("worker") }).next).toMatch(/^First make sure that appendonly is on/);
  expect(finding("redis.down", undefined, { ...NO_REDIS, ...stopped("redis", "paused") }).next).toBe("`berth ssh -- sudo docker unpause berth-redis-1`.");
});

test("what was stopped by hand is booted: an update has nothing to do", () => {
  const { next } = finding("worker.down", undefined, stopped("worker"));
  expect(next).toBe(`\`berth logs worker\` says why. What was stopped or removed by hand: ${BOOT}.`);
});

test("Redis is asked with its password", () => {
  const silent = "! Redis: no answer within 3 s";
  const asked = (command: string) => `\`berth exec redis -- sh -c 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli ${command}'\``;
  expect(finding("redis.silent", undefined, { "before-redis": silent, "after-redis": silent }).next).toContain(asked("SCRIPT KILL"));
  expect(finding("redis.save", "rdb").next).toContain(asked('CONFIG SET save ""'));
  const evicting = diagnose(parseDoctor(stream().replaceAll('"maxmemory-policy":"noeviction"', '"maxmemory-policy":"allkeys-lru"'))).findings[0];
  expect([evicting?.id, evicting?.next]).toEqual(["redis.policy", expect.stringContaining(asked("CONFIG SET maxmemory-policy noeviction"))]);
});

test("in a project of another name the containers have that name", () => {
  const shop = { ...expectations({ project: "shop" }), inspect: healthySection("inspect").replaceAll("/berth-", "/shop-") };
  expect(finding("worker.hung", "hung", shop).next).toContain("`berth ssh -- sudo docker restart --time 10 shop-worker-1`");
  expect(finding("kernel.hugepages", undefined, { ...shop, ...HUGE }).next).toContain("`berth ssh -- sudo docker restart shop-redis-1`");
  const paused = { ...shop, inspect: shop.inspect.split("\n").map((line) => (line.includes('service":"worker"') ? line.replace('"Status":"running"', '"Status":"paused"') : line)).join("\n") };
  expect(finding("worker.hung", undefined, paused).next).toBe("`berth ssh -- sudo docker unpause shop-worker-1`.");
});

describe("one of several nodes", () => {
  const node = { name: "jobs-2", address: "10.83.7.7", redis: "here", postgres: "here", api: "here", at: {}, last: true, canary: true, instances: [], others: [], privatePorts: [], refused: [] };
  const several = expectations({ node });

  test("each command on a server names it", () => {
    const all = [
      finding("kernel.hugepages", undefined, { ...several, ...HUGE }), finding("kernel.overcommit", "overcommit", several), finding("worker.hung", "hung", several),
      finding("worker.down", undefined, { ...several, ...stopped("worker") }), finding("disk.foreign", "foreign", several), finding("cpu.busy", "cpu", several),
    ].map(({ next }) => next).join(" ");
    expect(all).not.toContain("berth ssh -- ");
    expect(all.match(/berth ssh --node=jobs-2 -- /g)?.length).toBeGreaterThanOrEqual(7);
  });

  test("its entry of `nodes` has the size, by the entry's name: the stack's may not count", () => {
    expect(finding("disk.full", "disk", several).changes.map(({ key }) => key)).toEqual(["nodes.jobs.volumeSizeGb"]);
    expect(finding("memory.host", undefined, { ...several, ...FEW }).changes.map(({ key }) => key)).toEqual(["nodes.jobs.serverType", "host.reserveMb"]);
    expect(finding("disk.full", "disk").changes.map(({ key }) => key)).toEqual(["volume.sizeGb"]);
  });

  test("where Redis is on another, a boot here leaves it alone", () => {
    const worker = expectations({ node: { ...node, name: "worker", redis: "elsewhere", at: { redis: { node: "data", address: "10.83.7.8" } } } });
    const none = "! no container of redis on this host";
    const { next } = finding("worker.down", undefined, { ...worker, ...stopped("worker"), "before-redis": none, "after-redis": none });
    expect(next).toMatch(/^`berth logs worker` says why\./);
  });
});

test("an adopted volume is not grown by the stack, and the advice says so", () => {
  expect(finding("disk.full", "disk").next).toContain("One that was adopted by its id is made larger at Hetzner");
});

test("no advice names a container that may not be there, an update that has nothing to do, or a command without its password", () => {
  const causes: readonly (Cause | undefined)[] = ["cpu", "memory", "swap", "disk", "foreign", "keys", "leak", "hung", "rdb", "overcommit", "thp", "loading", "aof", "mounted"];
  const all = causes.flatMap((cause) => diagnosis(cause, expectations({ project: "shop" })).findings.map(({ next }) => next)).join("\n");
  expect(all).not.toMatch(/`npx pulumi up`|exec redis -- redis-cli|docker rm|<redis>/);
});
