import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Host, mustSucceed } from "./host.ts";

/** Where data is, and that no release begins beside it. */

const R = "aaaaaaaaaaaa";
const AOF = "mnt/berth/redis/appendonlydir/appendonly.aof.manifest";
const NODE = { BERTH_NODE: "main", BERTH_PRIVATE_ADDRESS: "", BERTH_NODES_BEFORE: "redis", BERTH_NODES_AFTER: "", BERTH_ELSEWHERE: "redis=10.83.7.7", BERTH_WORKERS: "10.83.9.9" };

test("a release that leaves Redis's data behind is refused before anything of it starts", async () => {
  const host = new Host();
  host.write(AOF, "file appendonly.aof.1.incr.aof seq 1 type i\n");
  host.lay(R, { env: { ...NODE, BERTH_ELSEWHERE: "", BERTH_STATEFUL: "postgres=postgres:17.6", BERTH_REDIS_UID: "" } });
  const run = await host.run(["transact", R]);
  expect(run.code).toBe(10);
  expect(run.stderr).toContain("seen: redis: its data is here, and this release has redis on another node");
  expect(run.calls.filter((line) => / up /.test(line))).toEqual([]);
});

test("a release that would begin a Redis beside its data on another node is refused, and so is a boot", async () => {
  const host = new Host();
  host.write("var/lib/berth/data-redis-at", "10.83.7.7\n");
  host.lay(R);
  const run = await host.run(["transact", R]);
  expect(run.code).toBe(10);
  expect(run.stderr).toContain(`redis: its data is on the node at 10.83.7.7, ${R} would begin without it here`);
  host.write("var/lib/berth/good", `${R}\n`);
  const boot = await host.run(["boot"]);
  expect(boot.code).toBe(1);
  expect(boot.stderr).toContain("boot: refused: redis: its data is on the node at 10.83.7.7");
  expect([...run.calls, ...boot.calls].filter((line) => / up /.test(line))).toEqual([]);
});

test.each([
  ["on another node by now", { "var/lib/berth/data-redis-at": "10.83.9.9\n" }, "redis: its data is on the node at 10.83.9.9, and this release looks for it at 10.83.7.7"],
  ["here by now", { [AOF]: "manifest\n" }, "redis: its data is here, and this release looks for it on the node at 10.83.7.7"],
  ["where it looks for it", { "var/lib/berth/data-redis-at": "10.83.7.7\n" }, undefined],
  ["nowhere yet", {}, undefined],
])("a release that looks for Redis's data on a node, and it is %s", async (_, files, said) => {
  const host = new Host();
  for (const [path, text] of Object.entries(files)) host.write(path, text);
  host.lay(R, { env: { ...NODE, BERTH_STATEFUL: "postgres=postgres:17", BERTH_REDIS_UID: "" } });
  host.write("var/lib/berth/good", `${R}\n`);
  const boot = await host.run(["boot"]);
  expect(boot.calls.some((line) => / up /.test(line))).toBe(said === undefined);
  expect(boot.stderr).toContain(said === undefined ? "is up" : `boot: refused: ${said}`);
  const run = await host.run(["transact", R]);
  expect(run.code).toBe(said === undefined ? 0 : 10);
  expect(run.stderr).toContain(said === undefined ? "verified and marked good" : `seen: ${said}`);
});

test("the book: what is here, what is elsewhere, and whose workers run", async () => {
  const host = new Host();
  host.write("mnt/berth/postgres/pgdata/PG_VERSION", "17\n");
  host.write("var/lib/berth/data-redis-at", "10.83.7.7\n");
  host.lay(R, { env: NODE });
  host.write("var/lib/berth/good", `${R}\n`);
  const run = await host.run(["data"]);
  mustSucceed(run);
  // What a directory with one short file takes, and what is free, depends on the file system.
  expect(run.stdout.replaceAll(/ [1-9]\d+$/gm, " BYTES")).toBe("redis none 10.83.7.7 0\npostgres here - BYTES\nroom BYTES\nworkers 10.83.9.9\n");
});

test("a move that was begun is in the book until it is through", async () => {
  const host = new Host();
  host.write(AOF, "manifest\n");
  mustSucceed(await host.run(["data", "moving", "redis"]));
  expect((await host.run(["data"])).stdout).toContain("\nmoving redis\n");
  mustSucceed(await host.run(["data", "through"]));
  expect((await host.run(["data"])).stdout).not.toContain("moving");
});

test("an application that was stopped for a move comes back by itself, unless the move goes on", async () => {
  const host = new Host();
  const armed = await host.run(["data", "stopped"]);
  expect(armed.calls.filter((line) => line.startsWith("systemd-run"))).toEqual([
    "systemd-run --quiet --collect --unit=berth-return --on-active=600 --timer-property=OnUnitInactiveSec=600 /opt/berth/scripts/abcabcabcabc/berth data return",
  ]);
  host.answer('"systemctl is-active"*) exit 3 ;;');
  const alone = await host.run(["data", "return"]);
  expect(alone.calls.filter((line) => line.startsWith("systemctl"))).toEqual(["systemctl is-active --quiet berth.service", "systemctl start --no-block berth.service"]);
  const holder = spawn("flock", [join(host.root, "var/lib/berth/lock"), "sh", "-c", "echo held; exec /bin/sleep 30"], { stdio: ["ignore", "pipe", "ignore"], detached: true });
  await once(holder.stdout, "data");
  const busy = await host.run(["data", "return"]);
  if (holder.pid !== undefined) process.kill(-holder.pid);
  expect(busy.calls.filter((line) => line.startsWith("systemctl"))).toEqual(["systemctl is-active --quiet berth.service"]);
  expect(busy.stderr).toContain("data: a move goes on");
  // Once it runs, that is over.
  host.answer("");
  expect((await host.run(["data", "return"])).calls).toEqual(["systemctl is-active --quiet berth.service", "systemctl stop berth-return.timer"]);
});

test("whether a role is still written to, for who moves it", async () => {
  const host = new Host();
  mustSucceed(await host.run(["data", "idle", "redis"]));
  host.answer('*label=com.docker.compose.service=redis*) echo running; exit ;;');
  const run = await host.run(["data", "idle", "redis"]);
  expect([run.code, run.stderr]).toEqual([1, expect.stringContaining("required: redis stopped; found: container running")]);
  // Its containers may run on without it.
  host.answer('"docker version "*) exit 1 ;;');
  const silent = await host.run(["data", "idle", "redis"]);
  expect([silent.code, silent.stderr]).toEqual([1, expect.stringContaining("required: Docker's word that redis is stopped; found: no answer")]);
});

test("the book is not written while the data is still written to here", async () => {
  const host = new Host();
  host.answer('*label=com.docker.compose.service=redis*) echo running; exit ;;');
  const run = await host.run(["data", "at", "redis", "10.83.7.7"]);
  expect(run.code).not.toBe(0);
  expect(host.read("var/lib/berth/data-redis-at")).toBeUndefined();
});

describe("a copy that is being given up, when who moves it dies", () => {
  const LEAVING = "mnt/berth/redis/.berth-leaving";

  async function leaving(): Promise<Host> {
    const host = new Host();
    host.write(AOF, "manifest\n");
    host.lay(R, { env: { ...NODE, BERTH_NODE: "data", BERTH_ELSEWHERE: "" } });
    host.write("var/lib/berth/good", `${R}\n`);
    mustSucceed(await host.run(["data", "leave", "redis"]));
    return host;
  }

  test("nothing starts on it: no boot, no release, no way back; and the book says so", async () => {
    const host = await leaving();
    expect((await host.run(["data"])).stdout).toContain("\nleaving redis\n");
    const boot = await host.run(["boot"]);
    expect([boot.code, boot.stderr]).toEqual([1, expect.stringContaining(
      "boot: refused: redis: a move was giving its data to another node when it was cut off, and which copy is the right one only an update can tell. `pulumi up` ends the move, and nothing begins empty here meanwhile")]);
    const release = await host.run(["transact", R]);
    expect([release.code, release.stderr]).toEqual([10, expect.stringContaining("seen: redis: a move was giving its data to another node")]);
    host.lay("bbbbbbbbbbbb");
    host.write("var/lib/berth/good.history", `bbbbbbbbbbbb\n${R}\n`);
    const back = await host.run(["rollback"]);
    expect([back.code, back.stderr]).toEqual([1, expect.stringContaining("rollback: refused: redis: a move was giving its data")]);
    expect([boot, release, back].flatMap(({ calls }) => calls).filter((line) => / up /.test(line))).toEqual([]);
  });

  test("once it is put aside, a boot does not begin empty in its place", async () => {
    const host = await leaving();
    mustSucceed(await host.run(["data", "gave", "redis"]));
    const kept = readdirSync(join(host.root, "mnt/berth")).find((name) => name.startsWith("redis.moved-"));
    expect(readdirSync(join(host.root, "mnt/berth", kept ?? "?"))).toEqual(["appendonlydir"]);
    const boot = await host.run(["boot"]);
    expect([boot.code, boot.stderr]).toEqual([1, expect.stringContaining("boot: refused: redis: /mnt/berth/redis is not there: given to another node by a move that was cut off")]);
    expect(boot.calls.filter((line) => / up /.test(line))).toEqual([]);
  });

  test("an update that says that it stays here lets it start", async () => {
    const host = await leaving();
    mustSucceed(await host.run(["data", "through"]));
    expect(host.read(LEAVING)).toBeUndefined();
    const boot = await host.run(["boot"]);
    expect(boot.calls.some((line) => / up /.test(line))).toBe(true);
  });

  test("it is not given up while it is written to, nor where there is nothing", async () => {
    const host = new Host();
    expect(await host.run(["data", "leave", "redis"])).toMatchObject({ code: 1, stderr: expect.stringContaining("redis has nothing to leave here") as string });
    host.write(AOF, "manifest\n");
    host.answer('*label=com.docker.compose.service=redis*) echo running; exit ;;');
    expect((await host.run(["data", "leave", "redis"])).code).toBe(1);
    expect(host.read(LEAVING)).toBeUndefined();
  });
});

test("data whose service still runs is not given", async () => {
  const host = new Host();
  host.write(AOF, "manifest\n");
  host.answer('*label=com.docker.compose.service=redis*) echo running; exit ;;');
  const run = await host.run(["data", "give", "redis"]);
  expect(run.code).not.toBe(0);
  expect(run.stderr).toContain("required: redis stopped; found: container running");
});

test("what is given and taken is the same, and what was in its place is kept", () => {
  // The whole of it needs binary pipes: the scripts themselves, between two roots.
  const [from, to] = [new Host(), new Host()];
  from.write(AOF, "the manifest\n");
  from.write("mnt/berth/redis/appendonlydir/appendonly.aof.1.incr.aof", "SET a 1\n");
  to.write(AOF, "an empty beginning\n");
  // Given once more: an earlier move was cut off at its end.
  from.write("mnt/berth/redis/.berth-leaving", "");
  for (const host of [from, to]) host.write("etc/berth/host.env", "BERTH_VOLUME_ID=''\nBERTH_MOUNT='/mnt/berth'\n");
  const pipe = `BERTH_ROOT='${from.root}' sh server/berth data give redis | BERTH_ROOT='${to.root}' sh server/berth data take redis`;
  execFileSync("sh", ["-c", pipe], { env: { PATH: `${from.root}/fake/bin:${process.env["PATH"] ?? ""}`, FAKE: `${from.root}/fake` }, stdio: ["ignore", "pipe", "pipe"] });
  expect(to.read(AOF)).toBe("the manifest\n");
  expect(to.read("mnt/berth/redis/appendonlydir/appendonly.aof.1.incr.aof")).toBe("SET a 1\n");
  expect(from.read(AOF)).toBe("the manifest\n");
  expect(readdirSync(join(to.root, "mnt/berth/redis"))).toEqual(["appendonlydir"]);
  const kept = readdirSync(join(to.root, "mnt/berth")).find((name) => name.startsWith("redis.replaced-"));
  expect(to.read(`mnt/berth/${kept ?? "?"}/appendonlydir/appendonly.aof.manifest`)).toBe("an empty beginning\n");
});
