import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { acts, Host, mustSucceed } from "./host.ts";

const A = "aaaaaaaaaaaa";

/** Two containers, as Docker would tell; 41 is docker-init, 42 Redis below it. */
const CONTAINERS = `"docker ps -a --no-trunc"*) echo '{"ID":"redisid"}'; exit ;;
  *"ps -aq"*service=redis*) echo redisid; exit ;;
  *"ps -aq"*service=*) exit ;;
  *"ps -aq"*) printf '%s\\n' redisid apiid; exit ;;
  *"--format {{.ID}} {{.State.Pid}}"*) printf '%s\\n' "redisid 41" "apiid 0"; exit ;;
  *"--format restarts"*) printf '%s\\n' "restarts redisid 0" "restarts apiid 2"; exit ;;
  "docker inspect redisid apiid") echo '[{},{}]'; exit ;;
  "docker image inspect "*) echo '[{}]'; exit ;;
  "docker exec "*) cat >"$FAKE/stdin"; printf 'run_id:77aa\\r\\nevicted_keys:3\\r\\nrejected_connections:4\\r\\n'; exit ;;
  "pgrep -P 41") echo 42; exit ;;
  "ss -H -tulnp") echo 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*'; exit ;;
  "blockdev "*) echo 21474836480; exit ;;
  "iptables -w 5 -S FORWARD") echo '-A FORWARD -j DOCKER-USER'; exit ;;
  "iptables -w 5 -S DOCKER-USER") echo '-N DOCKER-USER'; exit ;;
  "nft list table inet berth") echo 'table inet berth {}'; exit ;;`;

function living(version: 1 | 2): Host {
  const host = new Host();
  host.lay(A, { host: { "/etc/sysctl.d/90-berth.conf": "vm.overcommit_memory = 1\n" } });
  host.write("etc/sysctl.d/90-berth.conf", "vm.overcommit_memory = 1\n");
  host.answer(CONTAINERS);
  host.write("proc/sys/vm/overcommit_memory", "1\n");
  host.write("proc/sys/vm/swappiness", "60\n");
  host.write("proc/sys/net/core/somaxconn", "4096\n");
  host.write("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
  host.write("proc/41/status", "Name:\tdocker-init\n");
  host.write("proc/42/status", "Name:\tredis-server\nVmSwap:\t0 kB\n");
  host.write("proc/meminfo", "MemTotal: 1 kB\n");
  host.write("proc/self/mountinfo", "1 2 7:0 / /mnt/berth rw - ext4 /dev/sdb rw\n");
  host.write("mnt/berth/redis/appendonlydir/a", "");
  host.write("var/lib/berth/baseline", "restarts redisid 0\n");
  if (version === 2) {
    host.write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
    host.write("proc/41/cgroup", "0::/system.slice/docker-redisid.scope\n");
    host.write("sys/fs/cgroup/system.slice/docker-redisid.scope/memory.events", "oom 0\noom_kill 5\n");
    host.write("sys/fs/cgroup/system.slice/docker-redisid.scope/cpu.weight", "157\n");
  } else {
    host.write("proc/41/cgroup", "12:memory:/docker/redisid\n4:cpu,cpuacct:/docker/redisid\n0::/docker/redisid\n");
    host.write("sys/fs/cgroup/memory/docker/redisid/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
    host.write("sys/fs/cgroup/cpu,cpuacct/docker/redisid/cpu.shares", "4096\n");
  }
  return host;
}

function section(text: string, name: string): string {
  return new RegExp(`^@@ ${name}\\n((?:(?!@@ ).*\\n)*)`, "m").exec(text)?.[1] ?? "";
}

test("the stream has every section of the contract, raw", async () => {
  const { stdout } = await living(1).run(["facts", A]);
  // Sizes and the disk are this machine's.
  expect(stdout.replace(/(@@ disk\n)[^@]*/, "$1…\n").replace(/(@@ aof\n)\d+/, "$1N")).toMatchInlineSnapshot(`
    "@@ release
    aaaaaaaaaaaa
    @@ baseline
    restarts redisid 0
    @@ inspect
    [{},{}]
    @@ images
    [{}]
    @@ compose-hashes
    @@ containers
    {"ID":"redisid"}
    @@ listeners
    tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*
    @@ sysctl
    vm.overcommit_memory = 1
    vm.swappiness = 60
    net.core.somaxconn = 4096
    @@ hugepages
    always madvise [never]
    @@ redis-status
    Name:	redis-server
    VmSwap:	0 kB
    @@ meminfo
    MemTotal: 1 kB
    @@ mounts
    1 2 7:0 / /mnt/berth rw - ext4 /dev/sdb rw
    @@ volume
    device /dev/disk/by-id/scsi-0HC_Volume_101
    id 101
    sentinel 101
    mountpoint /mnt/berth
    bytes 21474836480
    @@ disk
    …
    @@ aof
    N
    @@ cgroup
    redisid oom 5
    redisid cpu.shares 4096
    @@ docker-user
    -A FORWARD -j DOCKER-USER
    -N DOCKER-USER
    @@ host-table
    table inet berth {}
    @@ drift
    @@ sockets
    "
  `);
});

test("control groups of both versions are told", async () => {
  expect(section((await living(1).run(["facts", A])).stdout, "cgroup")).toBe("redisid oom 5\nredisid cpu.shares 4096\n");
  expect(section((await living(2).run(["facts", A])).stdout, "cgroup")).toBe("redisid oom 5\nredisid cpu.weight 157\n");
});

test("a Docker that does not answer leaves sections empty and the stream whole", async () => {
  const host = living(1);
  host.answer('"docker "*) exit 1 ;;');
  const run = await host.run(["facts", A]);
  expect(run.code).toBe(0);
  expect(run.stdout.match(/^@@ /gm)).toHaveLength(20);
  expect(section(run.stdout, "inspect")).toBe("[]\n");
});

test("drift names files whose bytes are not those of their name, and settings that were edited", async () => {
  const host = living(1);
  const text = "maxmemory 1mb\n";
  const good = `/opt/berth/files/${createHash("sha256").update(text).digest("hex").slice(0, 12)}-redis.conf`;
  const edited = "/opt/berth/files/000000000000-Caddyfile";
  host.write(good, text);
  host.write(edited, "edited\n");
  host.write(`opt/berth/releases/${A}/compose.yaml`, `- ${good}\n- ${edited}\n- /opt/berth/verifier/111111111111.mjs\n`);
  host.write("etc/sysctl.d/90-berth.conf", "vm.overcommit_memory = 0\n");
  expect(section((await host.run(["facts", A])).stdout, "drift")).toBe(`${edited}\n/opt/berth/verifier/111111111111.mjs\n/etc/sysctl.d/90-berth.conf\n`);
});

test("drift names an edited compose.yaml and an edited script, by the sums that were laid down with them", async () => {
  const host = living(1);
  const sum = (text: string) => createHash("sha256").update(text).digest("hex");
  const [compose, script] = [`/opt/berth/releases/${A}/compose.yaml`, "/opt/berth/scripts/abcabcabcabc/status.sh"];
  host.write(`opt/berth/releases/${A}/sums`, `${sum("as released\n")}  ${compose}\n${sum("gone\n")}  /opt/berth/releases/${A}/gone\n`);
  host.write("opt/berth/scripts/abcabcabcabc/sums", `${sum(host.read(script.slice(1)) ?? "")}  ${script}\n`);
  host.write(compose.slice(1), "as released\n");
  expect(section((await host.run(["facts", A])).stdout, "drift")).toBe(`/opt/berth/releases/${A}/gone\n`);
  host.write(compose.slice(1), "edited\n");
  host.write(script.slice(1), `${host.read(script.slice(1)) ?? ""}# edited\n`);
  expect(section((await host.run(["facts", A])).stdout, "drift")).toBe(`${compose}\n/opt/berth/releases/${A}/gone\n${script}\n`);
});

test("the baseline is taken before anything is done, the password handed in on standard input", async () => {
  const host = living(1);
  const run = await host.run(["release", A]);
  mustSucceed(run);
  expect(host.read("var/lib/berth/baseline")).toBe("restarts redisid 0\nrestarts apiid 2\noom redisid 5\nredis 77aa evicted_keys 3 rejected_connections 4\n");
  expect(host.read("fake/stdin")).toBe("hunter22");
  expect(run.calls.join("\n")).not.toContain("hunter22");
  const asked = run.calls.findIndex((line) => line.startsWith("docker exec"));
  expect(asked).toBeGreaterThan(0);
  expect(run.calls.slice(0, asked).filter((line) => /compose.* up |systemctl (restart|reload)/.test(line))).toEqual([]);
});

test("evidence shows the last lines of what is not well, with secrets blotted out", async () => {
  const host = new Host();
  host.lay(A);
  host.write("opt/berth/secrets/redis_auth-000000000000", 'requirepass "swordfish9"\n');
  host.answer(`*" verify") echo '{}'; exit 10 ;;
  "docker ps -aq"*) echo apiid; exit ;;
  *"{{.State.Status}}"*) echo "api restarting unhealthy 7 5 true apiid"; exit ;;
  *"{{.State.Error}}"*) echo "health check exit 1: password hunter22 refused"; exit ;;
  "docker logs "*) printf '%s\\n' "12:01 start" "12:02 auth swordfish9 failed" "12:03 start" "12:04 auth swordfish9 failed" end; exit ;;`);
  const run = await host.run(["release", A]);
  expect(run.stderr).toContain(`berth: evidence: api is restarting, health unhealthy, exit code 7, restarts 5, killed for memory: true
    | health check exit 1: password [secret] refused
    | 12:03 start  (2 times)
    | 12:04 auth [secret] failed  (2 times)
    | end
`);
  expect(run.calls).toContain("docker logs --tail 100 apiid");
});

test("a lock that another holds is waited for within a bound, and its holder named; a dead holder holds nothing", async () => {
  const host = new Host();
  host.lay(A);
  host.write("var/lib/berth/lock", "boot of bbbbbbbbbbbb, process 7, since 2026-01-01T00:00:00Z\n");
  const holder = spawn("flock", [join(host.root, "var/lib/berth/lock"), "sh", "-c", "echo held; exec /bin/sleep 30"], { stdio: ["ignore", "pipe", "ignore"], detached: true });
  await once(holder.stdout, "data");
  const blocked = await host.run(["transact", A], { BERTH_LOCK_SECONDS: "1" });
  expect(blocked.code).toBe(11);
  expect(blocked.stderr).toContain("required: free within 1 s; found: held by boot of bbbbbbbbbbbb, process 7, since 2026-01-01T00:00:00Z");
  expect(acts(blocked.calls).filter((line) => line.startsWith("compose"))).toEqual([]);
  if (holder.pid === undefined) throw new Error("flock did not start");
  process.kill(-holder.pid, "SIGKILL");
  await once(holder, "exit");
  const free = await host.run(["transact", A], { BERTH_LOCK_SECONDS: "1" });
  mustSucceed(free);
});

test("boot starts the good release in order; stop stops it in order; without one there is nothing to do", async () => {
  const host = new Host();
  expect((await host.run(["boot"])).stderr).toBe("berth: boot: no release yet: nothing to start\n");
  host.lay(A);
  await host.run(["release", A]);
  const boot = await host.run(["boot"]);
  mustSucceed(boot);
  expect(acts(boot.calls)).toEqual([
    `compose ${A}: up --detach --wait --wait-timeout 60 redis postgres`,
    `compose ${A}: up --detach --wait --wait-timeout 60 api worker`,
    `compose ${A}: up --detach --wait --wait-timeout 60 --remove-orphans`,
  ]);
  expect(acts((await host.run(["stop"])).calls)).toEqual([`compose ${A}: stop`]);
});

test("a boot that waited for a release starts what that release made good, not what was good before it", async () => {
  const host = new Host();
  host.lay(A);
  await host.run(["release", A]);
  const B = "bbbbbbbbbbbb";
  host.lay(B);
  // The holder of the lock marks B good after the boot has begun to wait, and then ends.
  const holder = spawn("flock", [join(host.root, "var/lib/berth/lock"), "sh", "-c", `echo held; /bin/sleep 2; echo ${B} | tee ${host.root}/var/lib/berth/chosen >${host.root}/var/lib/berth/good`], { stdio: ["ignore", "pipe", "ignore"] });
  await once(holder.stdout, "data");
  const boot = await host.run(["boot"]);
  mustSucceed(boot);
  expect(boot.stderr).toContain("lock: waiting for");
  expect(acts(boot.calls)[0]).toBe(`compose ${B}: up --detach --wait --wait-timeout 60 redis postgres`);
});

test.each([
  ["one is served", 'case $1 in s_client) echo "-----BEGIN CERTIFICATE-----" ;; x509) cat >/dev/null; echo "notAfter=Nov 30 12:00:00 2026 GMT" ;; esac', "notAfter=Nov 30 12:00:00 2026 GMT\n"],
  ["none is served", 'echo "no peer certificate available"; exit 1', "none\n"],
  ["nobody listens", "exit 1", "none\n"],
  ["no answer in its time", "exit 124", ""],
  ["no openssl", "exit 127", ""],
] as const)("the certificate: %s", async (_, openssl, said) => {
  const host = living(1);
  host.lay(A, { env: { BERTH_DOMAIN: "shop.example" } });
  host.write("fake/bin/openssl", `#!/bin/sh\n${openssl}\n`);
  chmodSync(join(host.root, "fake/bin/openssl"), 0o755);
  expect(section((await host.run(["facts", A])).stdout, "certificate")).toBe(said);
});
