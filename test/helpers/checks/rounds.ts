import { ask, redisCli } from "../../../rehearsal/observe.ts";
import type { Rehearsal } from "../../../rehearsal/rehearsal.ts";
import type { RuleId } from "../../../src/verify/rules.ts";
import { publishRedis } from "../faults.ts";
import { fillRedis, fillVolume, restartLoading, signal } from "../causes.ts";
import { eventually } from "../hardware.ts";
import {
  addFirewallRule, changeAtHetzner, changeOnHost, connectStranger, cover, evict, leak, openMetadata, oomKill, passOnOperators, publishFromHost, reject, replaceWith, requirePassword, slowFork, standIn, strangerOf,
} from "./faults.ts";

/**
 * Every check of the verification, broken on a living server for its own reason, and what its advice says to do then. A round's faults do not
 * touch each other, so that one verification shows them all.
 */

export interface Row {
  readonly id: RuleId;
  /** As the report has it, where that is another than the rule's. */
  readonly named?: string;
  /** What somebody did on the host; left out where another row's fault is this one's as well. */
  readonly breaks?: (it: Rehearsal) => Promise<unknown>;
  /** What the check must have seen. */
  readonly seen: RegExp;
  /**
   * How its advice is followed. `typed`: the commands between backticks, as they stand there. Settings: those, which the advice must name, and an
   * `up`. A function: what it says in words, which must match.
   */
  readonly follow: "typed" | Readonly<Record<string, unknown>> | { readonly says: RegExp; readonly hand: (it: Rehearsal) => Promise<unknown> };
  /** What the stand-in cannot do by itself. */
  readonly afterwards?: (it: Rehearsal) => Promise<unknown>;
}

export interface Round {
  readonly name: string;
  readonly rows: readonly Row[];
  /** Checks that cannot but fail with these: why is in the round's name or beside them. */
  readonly with?: readonly string[];
  /** And those that may, by the moment they are looked at. */
  readonly mayWith?: readonly string[];
}

const sh = (it: Rehearsal, script: string): Promise<string> => it.exec(["sh", "-euc", script], { timeoutMs: 120_000 });

const OVERCOMMIT = "/proc/sys/vm/overcommit_memory";
const HUGEPAGES = "/sys/kernel/mm/transparent_hugepage/enabled";
const CONTAINER = { api: "berth-api-1", worker: "berth-worker-1", redis: "berth-redis-1", postgres: "berth-postgres-1", proxy: "berth-proxy-1" };

export const ROUNDS: readonly Round[] = [
  {
    name: "Redis as somebody set it by hand, and its host",
    rows: [
      { id: "redis.evictions", breaks: evict, seen: /^\d+ since the release began$/, follow: "typed" },
      { id: "redis.rejected", breaks: reject, seen: /^[1-9]\d* since the release began$/, follow: "typed" },
      { id: "redis.fork", breaks: slowFork, seen: /^last fork \d{3,} ms, \d+ delayed fsyncs$/, follow: "typed" },
      { id: "redis.save", breaks: (it) => redisCli(it, 'CONFIG SET save "3600 1"'), seen: /^save "3600 1"$/, follow: "typed" },
      { id: "redis.eviction-policy", breaks: (it) => redisCli(it, "CONFIG SET maxmemory-policy allkeys-lru"), seen: /^allkeys-lru$/, follow: "typed" },
      { id: "redis.maxmemory", breaks: (it) => redisCli(it, "CONFIG SET maxmemory 100mb"), seen: /^100 MiB$/, follow: "typed" },
      { id: "redis.config", breaks: (it) => redisCli(it, "CONFIG SET slowlog-max-len 7"), seen: /slowlog-max-len is 7, the release has 256/, follow: "typed" },
      { id: "redis.swap", breaks: (it) => standIn(it, `/proc/$(pidof -s redis-server)/status`, "sed 's/^VmSwap:.*/VmSwap:     512 kB/'"), seen: /^VmSwap 512 kB$/, follow: "typed" },
      { id: "redis.overcommit", breaks: (it) => standIn(it, OVERCOMMIT, "echo 0"), seen: /^vm\.overcommit_memory = 0$/, follow: "typed" },
      { id: "redis.hugepages", breaks: (it) => standIn(it, HUGEPAGES, "echo '[always] madvise never'"), seen: /^on: the host's choice is `always`$/, follow: "typed", afterwards: chosenNever },
    ],
  },
  {
    name: "containers that were changed, started and bounded by hand, and a host that was opened, in Hetzner's console too",
    rows: [
      { id: "probe.open", breaks: changeAtHetzner, seen: /^\d+\.\d+\.\d+\.\d+:22 no answer within 3 s$/, follow: "typed" },
      // Past both firewalls: the server's own is opened below.
      { id: "probe.closed", breaks: publishRedis, seen: /^\d+\.\d+\.\d+\.\d+:6379 is open$/, follow: "typed" },
      { id: "host.volume", breaks: cover, seen: /^\/mnt\/berth is \S+, the volume's device is \/dev\/\w+$/, follow: "typed" },
      { id: "limits.memory", breaks: (it) => it.exec(["docker", "update", "--memory", "1g", "--memory-swap", "2g", CONTAINER.postgres]), seen: /^postgres: limit 1 GiB, released 512 MiB; postgres: memory and swap 2 GiB, released 512 MiB$/, follow: "typed" },
      { id: "limits.cpu", breaks: (it) => it.exec(["docker", "update", "--cpu-shares", "64", "--cpus", "0.5", CONTAINER.proxy]), seen: /^proxy: cpu\.\w+ \d+, released \d+[^;]*; proxy: a quota of CPU time, released without one$/, follow: "typed" },
      { id: "app.images", breaks: (it) => replaceWith(it, "worker", "berth-by-hand"), seen: /^worker: runs berth-by-hand \([0-9a-f]{12}\), the release has /, follow: "typed" },
      { id: "drift.containers", breaks: (it) => strangerOf(it, "cron"), seen: /^worker: berth-worker-1 has another configuration than compose\.yaml; berth-cron is of no service of the release$/, follow: "typed" },
      { id: "exposure.ports", breaks: publishFromHost, seen: /^redis-for-a-moment publishes 0\.0\.0\.0:6379\/tcp; .*python3 listens on 0\.0\.0\.0:9999\/tcp$/, follow: "typed", afterwards: (it) => sh(it, "systemctl stop by-hand") },
      { id: "exposure.firewall", breaks: addFirewallRule, seen: /DOCKER-USER has no rule that refuses[^]*table inet berth lacks "forward: ip daddr 169\.254\.169\.254[^]*table inet berth has "input: tcp dport 9999 accept", which is not the release's/, follow: "typed" },
      { id: "exposure.metadata", breaks: openMetadata, seen: /^169\.254\.169\.254:80 accepted a connection$/, follow: "typed" },
      { id: "drift.kernel", breaks: (it) => it.exec(["sysctl", "-qw", "net.core.somaxconn=128"]), seen: /^net\.core\.somaxconn is 128, the release has 4096$/, follow: "typed" },
      { id: "host.memory", breaks: (it) => standIn(it, "/proc/meminfo", "sed 's/^MemAvailable:.*/MemAvailable:  80000 kB/'"), seen: /^78\.1 MiB available, 0 % of /, follow: { says: /`berth doctor` says who has it\. Stop that/, hand: (it) => it.exec(["umount", "/proc/meminfo"]) } },
    ],
  },
  {
    name: "a worker that is stopped, and connections of others",
    rows: [
      { id: "app.health", breaks: (it) => it.exec(["docker", "stop", CONTAINER.worker], { timeoutMs: 90_000 }), seen: /^worker: exited with 0$/, follow: "typed" },
      { id: "connections.required", seen: /^worker has 0 of 2 client connections; worker has 0 of 2 subscriber connections; worker has 0 of 2 blocked connections$/, follow: "typed" },
      { id: "app.canary.<queue>", named: "app.canary.email", seen: /^no worker finished the canary within 10000 ms: none listens, or all are busy$/, follow: "typed" },
      // As it is 90 s after the last beat.
      { id: "app.heartbeat", breaks: (it) => redisCli(it, "DEL berth:heartbeat:worker"), seen: /^no key berth:heartbeat:worker$/, follow: "typed" },
      { id: "connections.maximum", breaks: (it) => leak(it, 5), seen: /^api holds 7 client connections, 2 allowed \(one a queue, 2 queues\): api \(berth-api-1\) \S+ unnamed, age \d+ s, last command ping;/, follow: "typed" },
      { id: "connections.foreign", breaks: (it) => connectStranger(it, 4), seen: /^4 connections: reports\S* \S+ unnamed, age \d+ s, last command ping;/, follow: "typed" },
      { id: "connections.total", seen: /^13 \(api 9, reports\S* 4\)$/, follow: { says: /Find the surplus below connections\.maximum or connections\.foreign/, hand: () => Promise.resolve() } },
    ],
    with: ["app.canary.file"],
  },
  {
    name: "Postgres's password and Redis's append-only file, changed by hand",
    rows: [
      // First, as the others' advice has it: a boot may make Redis anew.
      { id: "redis.aof", breaks: (it) => redisCli(it, "CONFIG SET appendonly no"), seen: /^aof_enabled:0$/, follow: "typed" },
      { id: "postgres.ready", breaks: (it) => psql(it, "ALTER ROLE app PASSWORD 'another'"), seen: /password authentication failed for user "app"/, follow: "typed" },
      { id: "app.ready", breaks: (it) => psql(it, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'app'"), seen: /^503: .*postgres/i, follow: { says: /it names Redis or Postgres/, hand: () => Promise.resolve() } },
      { id: "probe.ready", seen: /^503$/, follow: "typed" },
    ],
    // What Postgres does not say, and what waits for the API.
    with: ["app.canary.email", "app.canary.file", "host.volume", "postgres.connections", "redis.config"],
    mayWith: ["app.health"],
  },
  {
    name: "a worker that is connected and stopped in its tracks",
    rows: [
      { id: "app.consuming", breaks: (it) => signal(it, CONTAINER.worker, "worker.js", "STOP"), seen: /^the worker is connected and hangs: /, follow: "typed" },
    ],
    with: ["app.canary.email", "app.canary.file"],
    mayWith: ["app.health"],
  },
  {
    name: "a disk that is full: the host's doing, all of it",
    rows: [
      { id: "redis.aof-status", breaks: fillVolume, seen: /^last write err, /, follow: { says: /^Make room on the volume .*`berth exec redis -- .* BGREWRITEAOF'`$/, hand: freeVolume } },
    ],
    with: ["host.disk", "redis.ready", "app.canary.email", "app.canary.file"],
    mayWith: ["app.ready", "app.heartbeat", "app.health", "app.restarts", "connections.required", "postgres.ready"],
  },
  {
    name: "what the next release mends, with its settings",
    rows: [
      { id: "redis.memory", breaks: (it) => fillRedis(it, 0.9), seen: /^17\d(?:\.\d)? MiB, 9\d % of 192 MiB$/, follow: { "redis.maxmemoryMb": 400, "redis.memoryMb": 1024 } },
      { id: "postgres.connections", breaks: reports, seen: /^4\d of 50, [89]\d %$/, follow: { "postgres.maxConnections": 100 } },
      { id: "host.disk", breaks: (it) => sh(it, "case $(findmnt -nvo SOURCE /mnt/berth | tail -n 1) in /dev/sd*) fallocate -l 8G /mnt/berth/export.tar ;; *) exit 1 ;; esac"), seen: /^volume: 1\.\d GiB free, 1\d %$/, follow: { says: /Grow volume\.sizeGb, or delete/, hand: (it) => it.exec(["rm", "/mnt/berth/export.tar"]) } },
      { id: "app.oom", breaks: oomKill, seen: /^worker: 1 process killed$/, follow: { "worker.memoryMb": 640 } },
      { id: "app.restarts", breaks: crash, seen: /^api: 1 restart/, follow: "typed" },
      { id: "probe.operators", breaks: passOnOperators, seen: /^200$/, follow: "typed" },
      { id: "drift.files", breaks: changeOnHost, seen: /Caddyfile differs; \/opt\/berth\/releases\/[0-9a-f]{12}\/compose\.yaml differs; \/opt\/berth\/scripts\/[0-9a-f]{12}\/status\.sh differs; \/etc\/tmpfiles\.d\/berth\.conf differs$/, follow: "typed" },
    ],
    mayWith: ["app.health"],
  },
  {
    name: "a Redis that lets nobody in, and a secret that nobody can read",
    rows: [
      { id: "redis.ready", breaks: requirePassword, seen: /WRONGPASS/, follow: "typed" },
      { id: "verify.run", breaks: (it) => sh(it, "chmod 0000 /opt/berth/secrets/app-postgres_password-*"), seen: /^reading a password: EACCES: permission denied, open '\/run\/secrets\/postgres_password'$/, follow: "typed" },
    ],
    // Nobody can look at Redis, and nobody at Postgres.
    with: [
      "redis.loading", "redis.save", "redis.aof", "redis.aof-status", "redis.eviction-policy", "redis.maxmemory", "redis.memory", "redis.config", "connections.required",
      "connections.maximum", "connections.total", "connections.foreign", "app.heartbeat", "postgres.ready", "postgres.connections", "host.volume",
      "redis.evictions", "redis.rejected", "redis.fork", "app.consuming",
    ],
    mayWith: ["app.health"],
  },
  {
    name: "a Redis that loads",
    rows: [
      { id: "redis.loading", breaks: (it) => restartLoading(it, 14), seen: /^loading:1/, follow: { says: /^Wait and `berth verify` again/, hand: (it) => eventually("Redis has loaded", 120_000, async () => (await redisCli(it, "PING")).includes("PONG")) } },
    ],
    with: ["redis.aof", "redis.ready"],
    // What is not told while it loads, and who waits for it.
    mayWith: [
      "redis.save", "redis.config", "connections.required", "connections.maximum", "connections.total", "connections.foreign", "app.heartbeat", "app.consuming", "app.health",
      "app.ready", "app.canary.email", "app.canary.file", "host.volume",
    ],
  },
];

export function psql(it: Rehearsal, statement: string): Promise<string> {
  return it.exec(["docker", "exec", CONTAINER.postgres, "psql", "-XqU", "app", "-d", "app", "-c", statement]);
}

/**
 * After a rewrite, such as that of CONFIG SET appendonly, Redis 8.0 writes where its file's descriptor stands: what a full disk cut short it takes back, and
 * goes on behind that. The next round's release restarts Redis, which does not load such a hole.
 */
async function freeVolume(it: Rehearsal): Promise<void> {
  await it.exec(["rm", "-f", "/mnt/berth/export.tar"]);
  await eventually("Redis writes again", 60_000, async () => (await redisCli(it, "INFO persistence")).includes("aof_last_write_status:ok"));
  await redisCli(it, "BGREWRITEAOF");
  await eventually("the file is written anew", 60_000, async () => /aof_rewrite_in_progress:0\r?\naof_rewrite_scheduled:0\r?\n/.test(await redisCli(it, "INFO persistence")));
}

/** Somebody's reports, that hold 42 connections to Postgres and come again when they are cut off. */
async function reports(it: Rehearsal): Promise<void> {
  await sh(it, `image=$(docker inspect --format '{{.Config.Image}}' ${CONTAINER.postgres}); secret=$(ls /opt/berth/secrets/app-postgres_password-* | head -n 1)
    docker run --detach --name reports --network berth_backend --user 0 --volume "$secret:/password:ro" --entrypoint sh "$image" -c 'export PGPASSWORD="$(cat /password)"; for n in $(seq 42); do (while :; do psql -XqU app -h postgres app -c "select pg_sleep(3600)"; sleep 1; done) & done; wait'`);
  await eventually("42 connections", 60_000, async () => Number((await it.exec(["docker", "exec", CONTAINER.postgres, "psql", "-XAtqU", "app", "-d", "app", "-c", "select sum(numbackends) from pg_stat_database"])).trim()) >= 42);
}

/** A kernel that is told `never` puts it in brackets. */
async function chosenNever(it: Rehearsal): Promise<void> {
  const chosen = await it.exec(["cat", HUGEPAGES]);
  if (!chosen.startsWith("never")) throw new Error(`huge pages: \`never\` is required of who follows the advice, found ${chosen}`);
  await sh(it, `echo 'always madvise [never]' >${HUGEPAGES}`);
}

async function crash(it: Rehearsal): Promise<void> {
  await signal(it, CONTAINER.api, "api.js", "KILL");
  await eventually("the API is back", 60_000, async () => (await ask(it, "/readyz")).status === 200);
}
