import { expect, test } from "vitest";
import { judge } from "../../src/verify/checks/index.ts";
import { notKnown } from "../../src/verify/fact.ts";
import { client, CLIENT_LINES, EXPECTATIONS, facts, inspectWith, SECTIONS } from "./healthy.ts";

/** What to type: with this server's names in it. Each is followed on a living server in test/e2e/checks.test.ts. */

type Change = Parameters<typeof facts>[0];

function advice(id: string, change: Change): string {
  return judge(facts(change), EXPECTATIONS).find((check) => check.id === id)?.advice ?? "no such check";
}

const MOUNTS = SECTIONS["mounts"] ?? "";
const ODD = '[{"Id":"id-odd","Name":"/odd","Config":{"Labels":{"com.docker.compose.service":"odd"}},"State":{"Status":"running"}},';

const PUBLISHER = JSON.stringify({ Names: "odd", State: "running", Ports: "0.0.0.0:6379->6379/tcp" });

test.each<[fault: string, id: string, change: Change, typed: string]>([
  ["a setting of Redis was changed", "redis.eviction-policy", { info: { maxmemory_policy: "allkeys-lru" } }, "`berth ssh -- sudo docker restart shop-redis-1`"],
  ["a leak", "connections.maximum", { clients: [...CLIENT_LINES, client(44, "172.20.0.4", "leak")] }, "`berth ssh -- sudo docker restart shop-api-1`"],
  ["memory was changed", "limits.memory", { sections: { inspect: inspectWith("redis", { host: { Memory: 1024 ** 3 } }) } }, "`berth ssh -- sudo docker update --memory 512m --memory-swap 512m shop-redis-1`"],
  ["CPU shares were changed", "limits.cpu", { sections: { cgroup: (SECTIONS["cgroup"] ?? "").replace("cpu.shares 128", "cpu.shares 1024") } }, "`berth ssh -- sudo docker update --cpu-shares 128 shop-worker-1`"],
  ["CPU time was bounded", "limits.cpu", { sections: { inspect: inspectWith("api", { host: { CpuQuota: 50_000 } }) } }, "`berth ssh -- sudo docker stop shop-api-1`, `berth ssh -- sudo docker rm shop-api-1`, `berth ssh -- sudo /opt/berth/scripts/current/berth boot`"],
  ["a container that is not the release's", "drift.containers", { sections: { inspect: (SECTIONS["inspect"] ?? "").replace("[", ODD) } }, "`berth ssh -- sudo docker rm --force odd`"],
  ["a port was published", "exposure.ports", { sections: { containers: `${SECTIONS["containers"] ?? ""}\n${PUBLISHER}` } }, "`berth ssh -- sudo docker rm --force odd`"],
  ["nothing is mounted", "host.volume", { sections: { mounts: MOUNTS.replace("/mnt/berth", "/mnt/other") } }, "`berth ssh -- sudo systemctl restart berth-volume`"],
  ["a certificate near its end", "proxy.certificate", { sections: { certificate: "notBefore=Aug  1 00:00:00 2026 GMT\nnotAfter=Nov  3 00:00:00 2026 GMT\nissuer=CN = R10" } }, "`berth ssh -- sudo docker restart shop-proxy-1`"],
  ["something covers the volume", "host.volume", { sections: { mounts: `${MOUNTS}\n99 22 0:30 / /mnt/berth rw - tmpfs tmpfs rw` } }, "`berth ssh -- sudo umount /mnt/berth`"],
])("%s: %s says what to type", (_, id, change, typed) => {
  expect(advice(id, change)).toContain(typed);
});

test("while the append-only file is off, nothing says to restart Redis without saying what comes first", () => {
  const off = { info: { aof_enabled: "0", maxmemory_policy: "allkeys-lru" }, config: { appendonly: "no" } };
  for (const id of ["redis.config", "redis.eviction-policy"]) expect(advice(id, off)).toMatch(/^First what redis\.aof says: .* a restart loses it\. Then: /);
  expect(advice("redis.aof", off)).toContain("CONFIG SET appendonly yes");
});

test("while it is not seen whether the append-only file is on, whatever stops Redis says to make sure first", () => {
  const why = "Redis connection failed: WRONGPASS";
  const blind = { ready: notKnown(why), info: notKnown(why), config: notKnown(why), clients: notKnown(why) };
  const first = /^First make sure that appendonly is on, /;
  const cgroup = { cgroup: (SECTIONS["cgroup"] ?? "").replace("cpu.shares 128", "cpu.shares 1024") };
  const [odd, nothing] = [(SECTIONS["inspect"] ?? "").replace("[", ODD), MOUNTS.replace("/mnt/berth", "/mnt/other")];
  const quota = { inspect: inspectWith("redis", { host: { CpuQuota: 50_000 } }) };
  const hash = { inspect: inspectWith("redis", { top: { Config: { Image: EXPECTATIONS.images["redis"], Labels: { "com.docker.compose.service": "redis", "com.docker.compose.config-hash": "other" } } } }) };
  const change = (sections: Readonly<Record<string, string>> = {}): Change => ({ redis: blind, sections });
  expect(advice("redis.ready", change())).toMatch(first);
  expect(advice("limits.cpu", change(quota))).toMatch(first);
  expect(advice("drift.containers", change(hash))).toMatch(first);
  expect(advice("app.images", change({ images: "[]" }))).toMatch(first);
  expect(advice("host.volume", change({ mounts: nothing }))).toMatch(first);
  expect(advice("drift.files", change({ drift: "/etc/tmpfiles.d/berth.conf" }))).toMatch(first);
  // What leaves Redis alone does not.
  expect(advice("limits.cpu", change(cgroup))).toMatch(/^Changed by `docker update`/);
  expect(advice("drift.containers", change({ inspect: odd }))).toBe("`berth ssh -- sudo docker rm --force odd` removes what is not the release's.");
});

test("while the append-only file is off, a command that stops Redis without its name in the rule is guarded as well", () => {
  const off = { info: { aof_enabled: "0" }, config: { appendonly: "no" } };
  const guarded = /^First what redis\.aof says: /;
  expect(advice("host.volume", { ...off, sections: { mounts: MOUNTS.replace("/mnt/berth", "/mnt/other") } })).toMatch(guarded);
  expect(advice("limits.cpu", { ...off, sections: { inspect: inspectWith("redis", { host: { CpuQuota: 50_000 } }) } })).toMatch(guarded);
  expect(advice("redis.aof", off)).not.toMatch(guarded);
});

test("while the disk refuses writes, a restart of Redis comes after a rewrite of its file", () => {
  const refused = { info: { aof_last_write_status: "err", maxmemory_policy: "allkeys-lru" } };
  expect(advice("redis.aof-status", refused)).toMatch(/^Make room on the volume .* before anything restarts Redis, .*`berth exec redis -- .* redis-cli BGREWRITEAOF'`$/);
  expect(advice("redis.eviction-policy", refused)).toMatch(/^First what redis\.aof-status says: /);
});

test("a stranger that Docker knows by name is stopped by name, an address is not", () => {
  const stranger = [...CLIENT_LINES, client(50, "172.20.0.77", "")];
  expect(advice("connections.foreign", { clients: stranger, rest: { names: new Map([["172.20.0.77", "grafana"]]) } })).toContain("`berth ssh -- sudo docker stop grafana`");
  expect(advice("connections.foreign", { clients: stranger })).not.toContain("docker stop");
});

test("what fails because Redis cannot write says so, and is the host's", () => {
  const seen = facts().seen;
  const change: Change = { info: { aof_last_write_status: "err" }, rest: { api: { ...seen.api, canary: { known: true, value: new Map([["file", { ok: false, detail: "MISCONF" }], ["email", { ok: true, detail: "" }]]) } } } };
  expect(judge(facts(change), EXPECTATIONS).find(({ id }) => id === "app.canary.file")).toMatchObject({ cause: "host", advice: "Redis cannot write: see redis.aof-status." });
});

test("a Redis that loads has its append-only file, whatever it says: nobody is told to switch it on", () => {
  const aof = judge(facts({ info: { loading: "1", aof_enabled: "0" } }), EXPECTATIONS).find(({ id }) => id === "redis.aof");
  expect(aof).toMatchObject({ status: "unknown", seen: "not told while Redis loads, see redis.loading" });
});
