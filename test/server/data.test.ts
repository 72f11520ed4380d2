import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Host, mustSucceed } from "./host.ts";

/** Where data is, and that no release begins beside it. */

const R = "aaaaaaaaaaaa";
const AOF = "mnt/berth/redis/appendonlydir/appendonly.aof.manifest";
const NODE = { BERTH_NODE: "main", BERTH_PRIVATE_ADDRESS: "", BERTH_NODES_BEFORE: "redis", BERTH_NODES_AFTER: "", BERTH_ELSEWHERE: "redis=10.83.7.7", BERTH_WORKERS: "10.83.9.9" };

test("a release that leaves Redis's data behind is refused before anything of it starts", async () => {
  const host = new Host();
  host.write(AOF, "file appendonly.aof.1.incr.aof seq 1 type i\n");
  host.lay(R, { env: { ...NODE, BERTH_STATEFUL: "postgres=postgres:17.6", BERTH_REDIS_UID: "" } });
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

test("the book: what is here, what is elsewhere, and whose workers run", async () => {
  const host = new Host();
  host.write("mnt/berth/postgres/pgdata/PG_VERSION", "17\n");
  host.write("var/lib/berth/data-redis-at", "10.83.7.7\n");
  host.lay(R, { env: NODE });
  host.write("var/lib/berth/good", `${R}\n`);
  const run = await host.run(["data"]);
  mustSucceed(run);
  expect(run.stdout).toBe("redis none 10.83.7.7\npostgres here -\nworkers 10.83.9.9\n");
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
  for (const host of [from, to]) host.write("etc/berth/host.env", "BERTH_VOLUME_ID=''\nBERTH_MOUNT='/mnt/berth'\n");
  const pipe = `BERTH_ROOT='${from.root}' sh server/berth data give redis | BERTH_ROOT='${to.root}' sh server/berth data take redis`;
  execFileSync("sh", ["-c", pipe], { env: { PATH: `${from.root}/fake/bin:${process.env["PATH"] ?? ""}`, FAKE: `${from.root}/fake` }, stdio: ["ignore", "pipe", "pipe"] });
  expect(to.read(AOF)).toBe("the manifest\n");
  expect(to.read("mnt/berth/redis/appendonlydir/appendonly.aof.1.incr.aof")).toBe("SET a 1\n");
  expect(from.read(AOF)).toBe("the manifest\n");
  const kept = readdirSync(join(to.root, "mnt/berth")).find((name) => name.startsWith("redis.replaced-"));
  expect(to.read(`mnt/berth/${kept ?? "?"}/appendonlydir/appendonly.aof.manifest`)).toBe("an empty beginning\n");
});
