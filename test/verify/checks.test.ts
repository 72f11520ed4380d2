import { describe, expect, test } from "vitest";
import { known, notKnown } from "../../src/verify/fact.ts";
import { judge } from "../../src/verify/checks/index.ts";
import type { QueueSeen } from "../../src/verify/queue-watch.ts";
import { RULES } from "../../src/verify/rules.ts";
import type { Check, Expectations } from "../../src/verify/types.ts";
import { decide, passes } from "../../src/verify/verdict.ts";
import { client, CLIENT_LINES, EXPECTATIONS, facts, inspectWith, SECTIONS } from "./healthy.ts";

type Change = Parameters<typeof facts>[0];
/** What is wrong, what the checks that do not pass say, and who is to blame. */
type Case = [fault: string, change: Change, fails: Record<string, string>, cause?: "host" | "release", expectations?: Partial<Expectations>];

function judged(change: Change, expectations: Partial<Expectations> = {}): Check[] {
  return judge(facts(change), { ...EXPECTATIONS, ...expectations });
}

const GIB = 1024 ** 3;
const section = (name: string, text: string | undefined): Change => ({ sections: { [name]: text } });
/** A queue as the looks at it show it, and a canary that nobody has taken, or had not come back for another reason. */
const busy = (change: Partial<QueueSeen>, why: { waiting?: true } = { waiting: true }): Change => ({
  redis: { queues: known(new Map([["file", { waiting: 0, active: 0, notBegun: 0, notTaken: 0, occupied: 0, lost: [], moves: false, ...change }]])) },
  rest: { api: { ...facts().seen.api, canary: known(new Map([["file", { ok: false, detail: "no worker finished the canary", ...why }], ["email", { ok: true, detail: "4 ms" }]])) } },
});
/** The same of an application without a canary. */
const unasked = (change: Partial<QueueSeen>): Change => ({ ...busy(change), rest: { api: { ...facts().seen.api, canary: notKnown("the application has no canary") } } });
const NO_CANARY: Partial<Expectations> = { api: { ...EXPECTATIONS.api, canaryPath: null } };
/** Where the worker's container started so long before the facts were complete. */
const cameBefore = (seconds: number) => ({ sections: { inspect: inspectWith("worker", { state: { StartedAt: new Date(NOW - seconds * 1000).toISOString() } }) } });
const NOW = Date.parse(facts().seen.at);
const ago = (seconds: number) => NOW - seconds * 1000;
const without = (pattern: RegExp) => CLIENT_LINES.filter((line) => !pattern.test(line));

const CASES: Case[] = [
  ["the password is refused", { redis: { ready: notKnown("Redis connection failed: WRONGPASS") } }, { "redis.ready": "Redis connection failed: WRONGPASS" }],
  ["Redis cannot write", { redis: { ready: notKnown("MISCONF Errors writing to the AOF file") } }, { "redis.ready": "MISCONF Errors writing to the AOF file" }, "host"],
  ["Redis is loading", { info: { loading: "1", loading_eta_seconds: "12" } }, { "redis.loading": "loading:1, about 12 s left" }],
  ["RDB saves are on", { config: { save: "60 1" } }, { "redis.save": 'save "60 1"', "redis.config": 'save is 60 1, the release has ""' }],
  ["the AOF is off", { info: { aof_enabled: "0" } }, { "redis.aof": "aof_enabled:0" }],
  ["the AOF cannot be written", { info: { aof_last_write_status: "err" } }, { "redis.aof-status": "last write err, last rewrite ok" }, "host"],
  ["the AOF was not rewritten", { info: { aof_last_bgrewrite_status: "err" } }, { "redis.aof-status": "last write ok, last rewrite err" }, "host"],
  ["the policy evicts", { info: { maxmemory_policy: "allkeys-lru" } }, { "redis.eviction-policy": "allkeys-lru" }],
  ["maxmemory is not the release's", { info: { maxmemory: "209715200" } }, { "redis.maxmemory": "200 MiB" }],
  ["there is no maxmemory", { info: { maxmemory: "0" } }, { "redis.maxmemory": "no limit", "redis.memory": "1 MiB of no limit" }],
  ["memory is at 85 %", { info: { used_memory: String(192 * 0.85 * 1024 * 1024) } }, { "redis.memory": "163.2 MiB, 85 % of 192 MiB" }],
  ["a setting was changed at run time", { config: { maxclients: "50" } }, { "redis.config": "maxclients is 50, the release has 1000" }],
  ["keys were evicted", { info: { evicted_keys: "3" } }, { "redis.evictions": "3 since the release began" }],
  ["connections were refused", { info: { rejected_connections: "5" } }, { "redis.rejected": "3 since the release began" }],
  ["Redis restarted, and refused since", { info: { run_id: "run-2" } }, { "redis.rejected": "2 since the release began" }],
  ["a fork took long", { info: { latest_fork_usec: "700000" } }, { "redis.fork": "last fork 700 ms, 0 delayed fsyncs" }],
  ["huge pages are on", { sections: { hugepages: "[always] madvise never", "redis-status": "Name:\tredis-server\nVmSwap:\t0 kB\nTHP_enabled:\t1" } }, { "redis.hugepages": "on: the host's choice is `always`" }, "host"],
  ["a fork may be refused", section("sysctl", "vm.overcommit_memory = 0\nvm.swappiness = 1\nnet.core.somaxconn = 4096"), { "redis.overcommit": "vm.overcommit_memory = 0" }, "host"],
  ["Redis is in swap", section("redis-status", "Name:\tredis-server\nVmSwap:\t    84 kB\nTHP_enabled:\t0"), { "redis.swap": "VmSwap 84 kB" }, "host"],

  ["a queue is not processed", { clients: without(/name=bull:ZmlsZQ==/) }, { "connections.required": "worker has 1 of 2 blocked connections (none for file)" }],
  ["the worker is dead", { clients: without(/name=(?:worker|bull):/) }, { "connections.required": "worker has 0 of 2 client connections; worker has 0 of 2 subscriber connections; worker has 0 of 2 blocked connections" }],
  [
    "a worker waits at its start, as while the disk refuses writes: its subscribers are open and not subscribed, and no clients too many",
    { clients: CLIENT_LINES.map((line) => (line.includes("name=worker:subscriber:") ? line.replace("flags=P", "flags=N").replace("sub=1", "sub=0").replace("cmd=subscribe", "cmd=ping") : line)) },
    { "connections.required": "worker has 0 of 2 subscriber connections" },
  ],
  [
    "a name is no excuse: a subscriber's, where both are subscribed",
    { clients: [...CLIENT_LINES, client(44, "172.20.0.5", "worker:subscriber:file", { cmd: "get", age: 12 })] },
    { "connections.maximum": 'worker holds 3 client connections, 2 allowed (one a queue, 2 queues): worker (shop-worker-1) 172.20.0.5:40044 "worker:subscriber:file", age 12 s, last command get' },
  ],
  ["one queue is processed twice, the other not", { clients: CLIENT_LINES.map((line) => line.replace("bull:ZmlsZQ==", "bull:ZW1haWw=")) }, { "connections.required": "worker has 2 of 2 blocked connections (none for file)" }],
  [
    "a connection leaks in the API",
    { clients: [...CLIENT_LINES, client(44, "172.20.0.4", "leak", { cmd: "get", age: 12 })] },
    { "connections.maximum": 'api holds 3 client connections, 2 allowed (one a queue, 2 queues): api (shop-api-1) 172.20.0.4:40044 "leak", age 12 s, last command get' },
  ],
  [
    "three leak, above the ceiling",
    { clients: [...CLIENT_LINES, ...[44, 45, 46].map((id) => client(id, "172.20.0.4", "api:client:file", { cmd: "get", age: 3 }))] },
    {
      "connections.maximum": 'api holds 5 client connections, 2 allowed (one a queue, 2 queues): api (shop-api-1) 172.20.0.4:40046 "api:client:file", age 3 s, last command get; api (shop-api-1) 172.20.0.4:40045 "api:client:file", age 3 s, last command get; api (shop-api-1) 172.20.0.4:40044 "api:client:file", age 3 s, last command get',
      "connections.total": "13 (api 7, worker 6)",
    },
  ],
  [
    "a stranger is connected",
    { clients: [...CLIENT_LINES, client(50, "172.20.0.77", "", { cmd: "monitor", flags: "O", age: 600 })], rest: { names: new Map([["172.20.0.77", "grafana"]]) } },
    { "connections.foreign": "1 connection: grafana 172.20.0.77:40050 unnamed, age 600 s, last command monitor" },
  ],
  ["the host itself is connected", { clients: [...CLIENT_LINES, client(51, "172.20.0.1", "x")] }, { "connections.foreign": '1 connection: host 172.20.0.1:40051 "x", age 100 s, last command eval' }],

  ["a service is not healthy", section("inspect", inspectWith("worker", { state: { Health: { Status: "unhealthy" } } })), { "app.health": "worker: unhealthy" }],
  ["a service has stopped", section("inspect", inspectWith("proxy", { state: { Status: "exited", ExitCode: 137 } })), { "app.health": "proxy: exited with 137" }],
  ["a service has no health check", section("inspect", inspectWith("api", { state: { Health: undefined } })), { "app.health": "api: has no health check" }],
  ["a service has no container", section("inspect", inspectWith("proxy", { top: { Config: { Image: "x", Labels: {} } } })), { "app.health": "proxy: no container", "drift.containers": "shop-proxy-1 is of no service of the release" }],
  ["a service restarts", section("inspect", inspectWith("api", { state: { Status: "restarting" }, top: { RestartCount: 4 } })), { "app.health": "api: restarting", "app.restarts": "api: 4 restarts, restarting now" }],
  ["a process was killed", section("cgroup", (SECTIONS["cgroup"] ?? "").replace("id-api oom 0", "id-api oom 2")), { "app.oom": "api: 2 processes killed" }],
  ["a container was killed", section("inspect", inspectWith("api", { state: { OOMKilled: true } })), { "app.oom": "api: killed for want of memory" }],
  ["another image runs", section("inspect", inspectWith("api", { top: { Image: "sha256:0000" } })), { "app.images": "api: runs registry.example.net/shop@sha256:aaaa (0000), the release has registry.example.net/shop@sha256:aaaa (image-shop)" }],
  ["an image is gone", {}, { "app.images": "redis: redis:9 is not on the host" }, "release", { images: { ...EXPECTATIONS.images, redis: "redis:9" } }],
  ["the API is not ready", { rest: { api: { ...facts().seen.api, ready: known({ status: 503, ms: 8, body: '{"postgres":"refused"}' }) } } }, { "app.ready": '503: {"postgres":"refused"}' }],
  ["the API does not answer", { rest: { api: { ...facts().seen.api, ready: notKnown("GET http://api:3000/readyz: connect ECONNREFUSED") } } }, { "app.ready": "GET http://api:3000/readyz: connect ECONNREFUSED" }],
  ["there is no heartbeat", { redis: { heartbeatTtlMs: known(-2) } }, { "app.heartbeat": "no key berth:heartbeat:worker" }],
  ["the heartbeat never expires", { redis: { heartbeatTtlMs: known(-1) } }, { "app.heartbeat": "berth:heartbeat:worker has no expiry: it would look alive for ever" }],
  [
    "the heartbeat is the last worker's",
    { redis: { heartbeatTtlMs: known(40_000) }, sections: { inspect: inspectWith("worker", { state: { StartedAt: "2026-11-01T12:09:40Z" } }) } },
    { "app.heartbeat": "renewed 50 s ago, before this worker started (20 s ago)" },
  ],
  ["a canary did not come back", { rest: { api: { ...facts().seen.api, canary: known(new Map([["file", { ok: false, detail: "no answer" }], ["email", { ok: true, detail: "4 ms" }]])) } } }, { "app.canary.file": "no answer" }],
  ["the canary leaves a queue out", { rest: { api: { ...facts().seen.api, canary: known(new Map([["file", { ok: true, detail: "4 ms" }]])) } } }, { "app.canary.email": "the answer does not name the queue email" }],

  ["the worker is stopped: Redis hands it a job that it does not begin", busy({ notBegun: 9, active: 1 }), { "app.canary.file": "no worker finished the canary", "app.consuming": "the worker is connected and hangs: file: a job was handed to the worker and not begun for 9 s" }],
  ["the worker takes nothing", busy({ notTaken: 8, waiting: 4 }), { "app.canary.file": "no worker finished the canary", "app.consuming": "the worker is connected and hangs: file: a job waited for 8 s with nothing active" }],
  ["every place is taken, and the canary was failed all the same", busy({ occupied: 11, active: 1, waiting: 1 }, {}), { "app.canary.file": "no worker finished the canary" }],
  ["the worker has stopped with every place taken: the locks run out", busy({ occupied: 11, active: 1, waiting: 1, lost: [ago(40)], moves: true }), { "app.canary.file": "no worker finished the canary", "app.consuming": "the worker is connected and hangs: file: a job was begun, and its lock is not renewed" }],
  ["without a canary: a job was handed over and not begun", unasked({ notBegun: 9, active: 1 }), { "app.consuming": "the worker is connected and hangs: file: a job was handed to the worker and not begun for 9 s" }, "release", NO_CANARY],
  ["without a canary: the worker lost the lock of its own job", { ...unasked({ active: 1, lost: [ago(40)] }), ...cameBefore(60) }, { "app.consuming": "the worker is connected and hangs: file: a job was begun, and its lock is not renewed" }, "release", NO_CANARY],
  ["without a canary: nobody gives back a job that a dead worker left", { ...unasked({ active: 1, lost: [ago(200)] }), ...cameBefore(95) }, { "app.consuming": "the worker is connected and hangs: file: a job was begun, and its lock is not renewed" }, "release", NO_CANARY],
  ["the worker is slow", busy({ occupied: 2, active: 1, waiting: 1 }), { "app.canary.file": "no worker finished the canary" }],
  ["the worker is gone, and with it whoever could hang", { ...busy({ notTaken: 8, waiting: 4 }), clients: without(/name=(?:worker|bull):/) }, { "app.canary.file": "no worker finished the canary", "connections.required": "worker has 0 of 2 client connections; worker has 0 of 2 subscriber connections; worker has 0 of 2 blocked connections" }],

  ["Postgres is nearly full", { rest: { postgres: known({ ms: 1, connections: 40, maxConnections: 50, dataDirectory: "/var/lib/postgresql/data/pgdata" }) } }, { "postgres.connections": "40 of 50, 80 %" }],

  ["the volume is not mounted", section("mounts", (SECTIONS["mounts"] ?? "").replace("/mnt/berth", "/mnt/other")), { "host.volume": "nothing is mounted at /mnt/berth" }, "host"],
  ["another device is mounted", section("volume", "device /dev/sdc\nid 4711\nsentinel 4711\nmountpoint /mnt/berth"), { "host.volume": "/mnt/berth is /dev/sdb, the volume's device is /dev/sdc" }, "host"],
  ["something covers the volume", section("mounts", `${SECTIONS["mounts"] ?? ""}\n99 22 0:30 / /mnt/berth rw - tmpfs tmpfs rw`), { "host.volume": "/mnt/berth is tmpfs, the volume's device is /dev/sdb" }, "host"],
  ["the device is gone", section("volume", "device \nid 4711\nsentinel 4711\nmountpoint /mnt/berth"), { "host.volume": '/mnt/berth is /dev/sdb, the volume\'s device is ""' }, "host"],
  ["it is another volume", section("volume", "device /dev/sdb\nid 4711\nsentinel 9\nmountpoint /mnt/berth"), { "host.volume": "/mnt/berth/.berth-volume says 9" }, "host"],
  ["Redis writes into its container", section("inspect", inspectWith("redis", { mounts: [] })), { "host.volume": "redis keeps its data in the container (/data)" }, "host"],
  ["Postgres writes to the root disk", section("inspect", inspectWith("postgres", { mounts: [{ Source: "/srv/pg", Destination: "/var/lib/postgresql/data", RW: true }] })), { "host.volume": "postgres keeps its data at /srv/pg/pgdata, outside the volume" }, "host"],
  ["the volume is nearly full", section("disk", `Mounted\n/mnt/berth ${20 * GIB} ${3 * GIB}\n/ ${40 * GIB} ${30 * GIB}`), { "host.disk": "volume: 3 GiB free, 15 %" }, "host"],
  ["the AOF has no room to be rewritten", section("aof", String(8 * GIB)), { "host.disk": "volume: 15 GiB free, twice the append-only file is 16 GiB" }, "host"],
  ["the root disk is nearly full", section("disk", `Mounted\n/mnt/berth ${20 * GIB} ${15 * GIB}\n/ ${40 * GIB} ${3 * GIB}`), { "host.disk": "root disk: 3 GiB free, 8 %" }, "host"],
  ["the host has no memory left", section("meminfo", "MemTotal: 4000000 kB\nMemAvailable: 100000 kB"), { "host.memory": "97.7 MiB available, 3 % of 3.8 GiB" }, "host"],

  ["Redis is published", section("containers", '{"Names":"shop-redis-1","Ports":"0.0.0.0:6379->6379/tcp, :::6379->6379/tcp"}'), { "exposure.ports": "shop-redis-1 publishes 0.0.0.0:6379/tcp; shop-redis-1 publishes [::]:6379/tcp" }],
  ["a stranger publishes a range", section("containers", '{"Names":"x","Ports":"0.0.0.0:8000-8001->8000-8001/udp"}'), { "exposure.ports": "x publishes 0.0.0.0:8000/udp; x publishes 0.0.0.0:8001/udp" }],
  ["a program listens on IPv6", section("listeners", "LISTEN 0 128 [::]:2375 [::]:*"), { "exposure.ports": "a program listens on [::]:2375/tcp" }],
  ["a name server listens on UDP", section("listeners", 'udp UNCONN 0 0 0.0.0.0:53 0.0.0.0:* users:(("dnsmasq",pid=9,fd=4))'), { "exposure.ports": "dnsmasq listens on 0.0.0.0:53/udp" }],
  ["UDP at a port that is the proxy's by TCP", section("listeners", "udp UNCONN 0 0 0.0.0.0:443 0.0.0.0:*"), { "exposure.ports": "a program listens on 0.0.0.0:443/udp" }],
  ["the metadata can be read", { rest: { metadata: known({ connected: true, detail: "169.254.169.254:80 accepted a connection" }) } }, { "exposure.metadata": "169.254.169.254:80 accepted a connection" }],
  ["the metadata rule is gone", section("docker-user", "-A FORWARD -j DOCKER-USER\n-N DOCKER-USER\n-A DOCKER-USER -j RETURN"), { "exposure.firewall": "DOCKER-USER has no rule that refuses 169.254.169.254 before one that returns or accepts" }],
  ["the metadata rule comes too late", section("docker-user", "-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -j RETURN\n-A DOCKER-USER -d 169.254.169.254/32 -j REJECT"), { "exposure.firewall": "DOCKER-USER has no rule that refuses 169.254.169.254 before one that returns or accepts" }],
  ["Docker's own rules come before DOCKER-USER", section("docker-user", (SECTIONS["docker-user"] ?? "").replace("-A FORWARD -j DOCKER-USER\n-A FORWARD -j DOCKER-ISOLATION-STAGE-1", "-A FORWARD -j DOCKER-ISOLATION-STAGE-1\n-A FORWARD -j DOCKER-USER")), { "exposure.firewall": "the first rule of FORWARD is `-A FORWARD -j DOCKER-ISOLATION-STAGE-1`, and not `-j DOCKER-USER`" }],
  ["a rule was added that lets Redis be reached", section("host-table", (SECTIONS["host-table"] ?? "").replace("\t\ttcp dport {", "\t\ttcp dport 6379 accept\n\t\ttcp dport {")), { "exposure.firewall": 'table inet berth has "input: tcp dport 6379 accept", which is not the release\'s' }],
  ["a rule is gone", section("host-table", (SECTIONS["host-table"] ?? "").replace("\t\ttcp dport { 22, 80, 443 } accept\n", "")), { "exposure.firewall": 'table inet berth lacks "input: tcp dport { 22, 80, 443 } accept"' }],
  ["the host's table lets all in", section("host-table", "table inet berth {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}"), { "exposure.firewall": "table inet berth has no input chain whose policy is drop" }],

  ["a certificate of half a day was not renewed", section("certificate", "notBefore=Nov  1 01:00:00 2026 GMT\nnotAfter=Nov  1 13:00:00 2026 GMT"), { "proxy.certificate": "0 hours left" }, "host"],
  ["the certificate was not renewed", section("certificate", "notAfter=Nov  5 12:30:00 2026 GMT"), { "proxy.certificate": "4 days left" }, "host"],

  ["a memory limit was raised", section("inspect", inspectWith("redis", { host: { Memory: 1024 ** 3 } })), { "limits.memory": "redis: limit 1 GiB, released 512 MiB" }],
  ["a container may swap", section("inspect", inspectWith("redis", { host: { MemorySwap: -1 } })), { "limits.memory": "redis: memory and swap unlimited, released 512 MiB" }],
  ["CPU shares were changed", section("cgroup", (SECTIONS["cgroup"] ?? "").replace("cpu.shares 128", "cpu.shares 1024")), { "limits.cpu": "worker: cpu.shares 1024, released 128" }],
  ["CPU time was bounded", section("inspect", inspectWith("api", { host: { NanoCpus: 500_000_000 } })), { "limits.cpu": "api: a quota of CPU time, released without one" }],
  ["a container was started by hand", section("inspect", inspectWith("api", { top: { Config: { Image: EXPECTATIONS.images["api"], Labels: { "com.docker.compose.service": "api", "com.docker.compose.oneoff": "False" } } } })), { "drift.containers": "api: shop-api-1 has another configuration than compose.yaml" }],
  ["a container of another release is left", section("inspect", (SECTIONS["inspect"] ?? "").replace("[", '[{"Id":"id-old","Name":"/shop-old-1","Config":{"Labels":{"com.docker.compose.service":"old","com.docker.compose.oneoff":"False"}},"State":{"Status":"running"}},')), { "drift.containers": "shop-old-1 is of no service of the release" }],
  ["a kernel setting was changed", section("sysctl", "vm.overcommit_memory = 1\nvm.swappiness = 60\nnet.core.somaxconn = 4096"), { "drift.kernel": "vm.swappiness is 60, the release has 1" }, "host"],
  ["a file was edited on the host", section("drift", "/opt/berth/files/0123456789ab-redis.conf"), { "drift.files": "/opt/berth/files/0123456789ab-redis.conf differs" }],
];

test("a healthy server passes every check, and says so by what was seen", () => {
  const checks = judged({});
  expect(checks.filter((check) => check.status !== "pass" || check.warning !== undefined)).toEqual([]);
  expect(decide(checks)).toEqual({ verdict: "pass", cause: null });
  expect(Object.fromEntries(checks.map(({ id, seen }) => [id, seen]))).toMatchSnapshot();
});

describe("exactly the predicted checks fail", () => {
  test.each(CASES)("when %s", (_, change, fails, cause = "release", expectations = {}) => {
    const against = judged(change, expectations).filter((check) => check.status !== "pass");
    expect(Object.fromEntries(against.map(({ id, seen }) => [id, seen]))).toEqual(fails);
    expect(decide(against)).toEqual({ verdict: "fail", cause });
    for (const { status, advice, expected } of against) {
      expect(status).toBe("fail");
      expect(advice, "says what to do").not.toBe("");
      expect(expected).not.toBe("");
    }
  });

  test("Postgres does not answer", () => {
    const checks = judged({ rest: { postgres: notKnown("connect ECONNREFUSED 172.20.0.3:5432") } });
    expect(checks.filter((check) => check.status !== "pass").map(({ id, status, seen }) => [id, status, seen])).toEqual([
      ["postgres.ready", "fail", "connect ECONNREFUSED 172.20.0.3:5432"],
      ["postgres.connections", "unknown", "connect ECONNREFUSED 172.20.0.3:5432"],
      ["host.volume", "unknown", "postgres does not answer where its data directory is"],
    ]);
  });

  test("every rule is seen to fail here, in the tests of the probe or in those of nodes", () => {
    const seen = new Set([...CASES.flatMap(([, , fails]) => Object.keys(fails)), "postgres.ready"].map((id) => id.replace(/^app\.canary\..*/, "app.canary.<queue>")));
    const elsewhere = (id: string) => id.startsWith("probe.") || id === "host.clock" || id === "verify.run" || id === "exposure.private";
    expect(Object.keys(RULES).filter((id) => !seen.has(id) && !elsewhere(id))).toEqual([]);
  });
});

describe("passes with a warning", () => {
  test.each([
    ["redis.memory", { info: { used_memory: String(192 * 0.7 * 1024 * 1024) } }, "over 70 %: at 85 % this fails, at 100 % no job can be added"],
    ["redis.fork", { info: { latest_fork_usec: "120000" } }, "every client waits while Redis forks"],
    ["redis.fork", { info: { aof_delayed_fsync: "3" } }, "the disk is slower than appendfsync asks of it"],
    ["proxy.certificate", section("certificate", "notAfter=Nov 12 12:00:00 2026 GMT"), "it should have been renewed by now: `berth logs proxy`"],
    ["proxy.certificate", section("certificate", "none"), "the first one is on its way, or DNS of shop.example does not point here: `berth logs proxy`"],
    ["app.heartbeat", { redis: { heartbeatTtlMs: known(20_000) } }, "old: two beats in a row did not come"],
    ["host.volume", section("volume", `device /dev/sdb\nid 4711\nsentinel 4711\nmountpoint /mnt/berth\nbytes ${40 * GIB}`), "the file system has 20 GiB of a device of 40 GiB: `resize2fs` on the host, or a reboot, grows it"],
    ["host.memory", section("meminfo", "MemTotal: 4000000 kB\nMemAvailable: 500000 kB"), "under 15 %: the next peak may be killed"],
  ] satisfies [string, Change, string][])("%s", (id, change, warning) => {
    const warned = judged(change).filter((check) => check.warning !== undefined);
    expect(warned.map((check) => [check.id, check.status, check.warning])).toEqual([[id, "pass", warning]]);
  });
});

test("every place is taken by jobs at work, and the canary waits behind them: said, with what to do, and nothing is rolled back", () => {
  const full = busy({ occupied: 11, active: 1, waiting: 1, moves: true });
  const checks = judged(full);
  expect(decide(checks)).toEqual({ verdict: "pass", cause: null });
  expect(checks.filter((check) => check.warning !== undefined).map(({ id, seen, warning }) => [id, seen, warning])).toMatchInlineSnapshot(`
    [
      [
        "app.consuming",
        "the worker lives, and no job was taken: file: the same 1 active for 11 s, 1 waiting",
        "every place is taken by jobs at work, and the canary waits behind them. Long jobs: give the queue more concurrency. One that does not end (\`berth logs worker\`): give it a time-out",
      ],
      [
        "app.canary.file",
        "no worker finished the canary",
        "every place is taken by jobs at work, and the canary waits behind them. Long jobs: give the queue more concurrency. One that does not end (\`berth logs worker\`): give it a time-out",
      ],
    ]
  `);
  const others: Record<string, Change> = {
    "beside them a job of a worker that is gone": { ...busy({ occupied: 11, active: 2, waiting: 1, lost: [ago(70)] }), ...cameBefore(60) },
  };
  for (const [name, change] of Object.entries(others)) expect(decide(judged(change)).verdict, name).toBe("pass");
});

describe("without a canary, a job of a killed worker that is still active without its lock is no sign of a hang", () => {
  test.each<[string, Change]>([
    ["until Bull gives it back", { ...unasked({ active: 1, lost: [ago(200)] }), ...cameBefore(60) }],
    ["while others are taken", { ...unasked({ active: 2, lost: [ago(200)], moves: true }), ...cameBefore(500) }],
    [
      "where the worker is on another node, until Bull gives it back",
      { ...unasked({ active: 1, lost: [ago(200)] }), clients: CLIENT_LINES.map((line) => (line.includes("name=bull:") ? line.replace(/addr=[^:]+/, "addr=10.83.0.9").replace(/age=\d+/, "age=60") : line)) },
    ],
  ])("%s", (_, change) => {
    expect(judged(change, NO_CANARY).find(({ id }) => id === "app.consuming")).toMatchObject({ status: "pass" });
  });
});

describe("a section that is not there", () => {
  test.each(Object.keys(SECTIONS).map((name): [string] => [name]))("%s: the checks that need it are unknown and name it", (name) => {
    const unknowns = judged(section(name, undefined)).filter((check) => check.status !== "pass");
    for (const check of unknowns) {
      expect(check.status).toBe("unknown");
      expect(check.seen).toContain(`"${name}"`);
    }
    expect(unknowns.map((check) => `${check.id}${passes(check) ? " (passes)" : ""}`)).toMatchSnapshot();
  });
});

test("a certificate that could not be looked at does not pass, and is the host's", () => {
  for (const text of [undefined, "", "unable to load certificate"]) {
    const against = judged(section("certificate", text)).filter((check) => !passes(check));
    expect(against.map(({ id, status, cause }) => [id, status, cause])).toEqual([["proxy.certificate", "unknown", "host"]]);
  }
});

test("a server whose disk refuses writes is the host's fault, with all that follows from it", () => {
  const checks = judged({
    info: { aof_last_write_status: "err" },
    redis: { ready: notKnown("MISCONF Errors writing to the AOF file"), heartbeatTtlMs: known(-2) },
    rest: { api: { ready: known({ status: 503, ms: 2, body: "" }), canary: notKnown("not sent: the API is not ready") } },
  });
  expect(decide(checks)).toEqual({ verdict: "fail", cause: "host" });
  const policy = judged({ info: { aof_last_write_status: "err", maxmemory_policy: "allkeys-lru" } });
  expect(decide(policy).cause, "a release's own fault beside it stays the release's").toBe("release");
});

test("a provider that hides facts: unknown, named so, and never a pass where persistence is concerned", () => {
  const hidden = judged({ redis: { info: known(new Map([["redis_version", "7.2"]])), config: known(new Map()) } }).filter((check) => check.status !== "pass");
  expect(hidden.map((check) => `${check.id} ${check.status} ${passes(check) ? "passes" : "does not pass"}: ${check.seen}`)).toMatchInlineSnapshot(`
    [
      "redis.loading unknown does not pass: provider-managed: INFO shows no \`loading\`",
      "redis.save unknown does not pass: provider-managed: CONFIG GET shows no \`save\`",
      "redis.aof unknown does not pass: provider-managed: INFO shows no \`aof_enabled\`",
      "redis.aof-status unknown does not pass: provider-managed: INFO shows no state of the append-only file",
      "redis.eviction-policy unknown does not pass: provider-managed: neither INFO nor CONFIG GET shows it",
      "redis.maxmemory unknown does not pass: provider-managed: INFO shows no \`maxmemory\`",
      "redis.memory unknown does not pass: provider-managed: INFO shows no memory",
      "redis.config unknown does not pass: provider-managed: CONFIG GET shows no maxclients, maxmemory, save, appendonly",
      "redis.evictions unknown passes: provider-managed: INFO shows no \`evicted_keys\`",
      "redis.rejected unknown passes: provider-managed: INFO shows no \`rejected_connections\`",
      "redis.fork unknown passes: provider-managed: INFO shows no \`latest_fork_usec\`",
      "host.volume unknown does not pass: redis does not answer where its data directory is",
    ]
  `);
});

test("what is not expected of an application is not checked", () => {
  const ids = judged({}, { domain: null, heartbeat: null, api: { ...EXPECTATIONS.api, canaryPath: null } }).map(({ id }) => id);
  expect(ids.filter((id) => id === "app.heartbeat" || id.startsWith("app.canary.") || id === "proxy.certificate")).toEqual([]);
});
