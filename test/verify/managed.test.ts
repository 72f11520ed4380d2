import { describe, expect, test } from "vitest";
import { parseClientList } from "../../src/redis/clients.ts";
import { parseInfo } from "../../src/redis/info.ts";
import { judge } from "../../src/verify/checks/index.ts";
import { known, notKnown } from "../../src/verify/fact.ts";
import { managedConnections } from "../../src/verify/managed-connections.ts";
import { asExpectedManaged } from "../../src/verify/settle.ts";
import { summary } from "../../src/verify/table.ts";
import type { Check, Expectations, ManagedExpectation } from "../../src/verify/types.ts";
import { decide, passes } from "../../src/verify/verdict.ts";
import { client, container, EXPECTATIONS, facts, INFO, SERVICES, type SeenChange } from "./healthy.ts";

const SERVER = "203.0.113.9";
const MANAGED: ManagedExpectation = { urlFile: "/run/secrets/redis_url", caFile: null, serverName: null, connections: 30, persistence: "aof" };

function expecting(change: Partial<ManagedExpectation> = {}): Expectations {
  const { redis: _, ...images } = EXPECTATIONS.images;
  return { ...EXPECTATIONS, images, redis: { url: null, passwordFile: null, managed: { ...MANAGED, ...change }, maxmemoryBytes: 0, maxclients: 30, appendfsync: "everysec", config: {} } };
}

const bull = (queue: string): string => `bull:${Buffer.from(queue).toString("base64")}`;
/** All ten from one address, as a provider sees a server behind its own. */
const LINES = ["file", "email"].flatMap((queue, index) => [
  client(10 + index * 5, SERVER, `api:client:${queue}`),
  client(11 + index * 5, SERVER, `api:subscriber:${queue}`, { flags: "P", sub: 1 }),
  client(12 + index * 5, SERVER, `worker:client:${queue}`),
  client(13 + index * 5, SERVER, `worker:subscriber:${queue}`, { flags: "P", sub: 1 }),
  client(14 + index * 5, SERVER, bull(queue), { flags: "b" }),
]);
/** As Upstash documents it: id, name, addr, age, idle and nothing else. */
const bare = (line: string): string => line.split(" ").filter((field) => /^(?:id|name|addr|age|idle)=/.test(field)).join(" ");

/** No Redis of its own. */
const INSPECT = JSON.stringify(SERVICES.filter((service) => service !== "redis").map((service) => container(service)));

function seeing(change: SeenChange = {}) {
  return facts({ clients: LINES, sections: { inspect: INSPECT }, ...change, redis: { ownHost: SERVER, config: notKnown("provider-managed: refused, NOPERM"), ...change.redis } });
}

function redisOf(checks: readonly Check[]): Record<string, string> {
  return Object.fromEntries(checks.filter(({ id }) => id.startsWith("redis.")).map((check) => [check.id, `${check.status}${check.providerManaged === true ? "*" : ""}: ${check.seen}`]));
}

describe("what a provider shows and hides", () => {
  test("INFO shown, CONFIG refused: judged as far as it goes, the rest listed apart, and it passes", () => {
    const checks = judge(seeing(), expecting());
    expect(redisOf(checks)).toMatchInlineSnapshot(`
      {
        "redis.aof": "pass: aof_enabled:1",
        "redis.aof-status": "pass: last write ok, last rewrite ok",
        "redis.config": "unknown*: provider-managed: the configuration is the provider's",
        "redis.eviction-policy": "pass: noeviction",
        "redis.evictions": "pass: 0 since Redis started",
        "redis.fork": "pass: last fork under 1 ms, 0 delayed fsyncs",
        "redis.hugepages": "unknown*: provider-managed: Redis runs on the provider's machine",
        "redis.loading": "pass: loading:0",
        "redis.maxmemory": "pass: 192 MiB",
        "redis.memory": "pass: 1 MiB, 1 % of 192 MiB",
        "redis.overcommit": "unknown*: provider-managed: Redis runs on the provider's machine",
        "redis.ready": "pass: PONG after 12 ms",
        "redis.rejected": "unknown: 2 since Redis started, before this release or after",
        "redis.save": "unknown*: provider-managed: CONFIG GET shows no \`save\`",
        "redis.swap": "unknown*: provider-managed: Redis runs on the provider's machine",
      }
    `);
    expect(decide(checks)).toEqual({ verdict: "pass", cause: null });
    const report = { version: 1, release: "", at: "", ...decide(checks), settleMs: 2000, totalMs: 2100, connections: [], checks } as const;
    expect(summary(report)).toMatchInlineSnapshot(`
      "VERIFIED
      42 checks, 36 passed, 0 failed, 1 unknown, 5 provider-managed
      settled in 2.0 s, 2.1 s in all"
    `);
  });

  test("Upstash's way: no persistence in INFO, five fields in CLIENT LIST: still counted, still passes", () => {
    const hides = new Map([...parseInfo(INFO)].filter(([name]) => !/^(?:aof_|loading|maxmemory|latest_fork|rejected)/.test(name)));
    const checks = judge(seeing({ clients: LINES.map(bare), redis: { info: known(hides) } }), expecting());
    expect(redisOf(checks)).toMatchInlineSnapshot(`
      {
        "redis.aof": "unknown*: provider-managed: INFO shows no \`aof_enabled\`",
        "redis.aof-status": "unknown*: provider-managed: INFO shows no state of the append-only file",
        "redis.config": "unknown*: provider-managed: the configuration is the provider's",
        "redis.eviction-policy": "unknown*: provider-managed: neither INFO nor CONFIG GET shows it",
        "redis.evictions": "pass: 0 since Redis started",
        "redis.fork": "unknown*: provider-managed: INFO shows no \`latest_fork_usec\`",
        "redis.hugepages": "unknown*: provider-managed: Redis runs on the provider's machine",
        "redis.loading": "unknown*: provider-managed: INFO shows no \`loading\`",
        "redis.maxmemory": "unknown*: provider-managed: INFO shows no limit",
        "redis.memory": "unknown*: provider-managed: INFO shows no memory",
        "redis.overcommit": "unknown*: provider-managed: Redis runs on the provider's machine",
        "redis.ready": "pass: PONG after 12 ms",
        "redis.rejected": "unknown*: provider-managed: INFO shows no \`rejected_connections\`",
        "redis.save": "unknown*: provider-managed: CONFIG GET shows no \`save\`",
        "redis.swap": "unknown*: provider-managed: Redis runs on the provider's machine",
      }
    `);
    expect(checks.filter((check) => !passes(check))).toEqual([]);
    expect(checks.find(({ id }) => id === "connections.total")?.seen).toBe("10 (api 4, worker 6), of 30 in the plan");
  });

  test("the very same facts fail where Redis is Berth's own", () => {
    const hides = notKnown("provider-managed: refused, NOPERM");
    const own = judge(facts({ redis: { config: hides } }), EXPECTATIONS).filter((check) => !passes(check));
    expect(own.map(({ id }) => id)).toEqual(["redis.save", "redis.config", "host.volume"]);
  });

  test("a connection that fails hides nothing: it has failed", () => {
    const lost = notKnown("Redis was not ready: Redis connection failed: TLS: its certificate has expired");
    const checks = judge(seeing({ redis: { ready: notKnown("Redis connection failed: TLS: its certificate has expired"), info: lost, config: lost, clients: lost } }), expecting());
    const against = checks.filter((check) => !passes(check)).map(({ id }) => id);
    expect(against).toContain("redis.ready");
    expect(against).toContain("redis.aof");
    expect(against).toContain("connections.total");
    expect(checks.find(({ id }) => id === "redis.ready")?.advice).toMatch(/secrets\.redisUrl .*redis\.managed\.caCertificate/);
  });

  test.each([
    ["evicts", { maxmemory_policy: "allkeys-lru" }, {}, ["redis.eviction-policy"]],
    ["keeps no AOF", { aof_enabled: "0" }, {}, ["redis.aof"]],
    ["keeps no AOF, and that is accepted", { aof_enabled: "0" }, { persistence: "snapshots" }, []],
    ["keeps nothing, and that is accepted", { aof_enabled: "0" }, { persistence: "none" }, []],
    ["cannot write", { aof_last_write_status: "err" }, {}, ["redis.aof-status"]],
    ["is full", { used_memory: String(180 * 1024 * 1024) }, {}, ["redis.memory"]],
    ["counted evictions long ago", { evicted_keys: "7" }, {}, []],
  ] as const)("a provider that %s", (_, info, change, expected) => {
    expect(judge(seeing({ info }), expecting(change)).filter((check) => !passes(check)).map(({ id }) => id)).toEqual(expected);
  });

  test("snapshots are asked for, and CONFIG shows none", () => {
    const config = known(new Map([["save", ""]]));
    expect(judge(seeing({ info: { aof_enabled: "0" }, redis: { config } }), expecting({ persistence: "snapshots" })).filter((check) => !passes(check)).map(({ id }) => id)).toEqual(["redis.aof"]);
  });
});

describe("whose connections", () => {
  const count = (lines: readonly string[], expectations = expecting(), ownHost: string | null = SERVER): { holders: Record<string, number>; others: number } => {
    const { own, others } = managedConnections(parseClientList(lines.join("\n")), ownHost ?? undefined, expectations);
    const holders: Record<string, number> = {};
    for (const { holder, kind } of own) holders[`${holder} ${kind}`] = (holders[`${holder} ${kind}`] ?? 0) + 1;
    return { holders, others };
  };
  const expected = { "api client": 2, "api subscriber": 2, "worker client": 2, "worker subscriber": 2, "worker blocked": 2 };

  test("by name, of one address", () => {
    expect(count(LINES)).toEqual({ holders: expected, others: 0 });
    expect(asExpectedManaged(parseClientList(LINES.join("\n")), SERVER, expecting())).toBe(true);
  });

  test("other users of the same Redis are not ours, whatever they are called", () => {
    expect(count([...LINES, client(40, "198.51.100.7", ""), client(41, "198.51.100.7", "api:client:file")])).toEqual({ holders: expected, others: 2 });
  });

  test("a leak from this server is named: unnamed beside named ones", () => {
    const checks = judge(seeing({ clients: [...LINES, client(40, SERVER, "", { age: 3, cmd: "get" })] }), expecting());
    const against = checks.filter((check) => !passes(check));
    expect(against.map(({ id, seen }) => `${id}: ${seen}`)).toEqual([`connections.foreign: 1 connection: this server ${SERVER}:40040 unnamed, age 3 s, last command get`]);
  });

  test("a dead worker's connections are missing, and a leak does not stand in for them", () => {
    const lines = [...LINES.filter((line) => !/worker|bull/.test(line)), ...[40, 41, 42, 43, 44, 45].map((id) => client(id, SERVER, ""))];
    const against = judge(seeing({ clients: lines }), expecting()).filter((check) => !passes(check)).map(({ id }) => id);
    expect(against).toEqual(["connections.required", "connections.foreign"]);
  });

  test("where both process, Bull's blocked clients are shared out, one of each queue", () => {
    const both = { ...expecting(), processes: { api: { listens: true, processes: true }, worker: { listens: false, processes: true } } };
    const more = ["file", "email"].map((queue, index) => client(40 + index, SERVER, bull(queue), { flags: "b" }));
    expect(count([...LINES, ...more], both).holders).toEqual({ ...expected, "api blocked": 2 });
    expect(asExpectedManaged(parseClientList([...LINES, ...more].join("\n")), SERVER, both)).toBe(true);
  });

  test("an application that names none is counted by flags, or by number alone", () => {
    const unnamed = LINES.map((line) => line.replace(/name=(?:api|worker)\S*/, "name="));
    expect(asExpectedManaged(parseClientList(unnamed.join("\n")), SERVER, expecting())).toBe(true);
    expect(asExpectedManaged(parseClientList(unnamed.map((line) => bare(line).replace(/name=\S*/, "name=")).join("\n")), SERVER, expecting())).toBe(true);
    expect(asExpectedManaged(parseClientList([...unnamed, client(40, SERVER, "")].join("\n")), SERVER, expecting())).toBe(false);
  });

  test("where the provider shows no address, by name alone", () => {
    const lines = [...LINES, client(40, "198.51.100.7", "somebody")].map((line) => line.replace(/addr=\S+ /, ""));
    expect(count(lines, expecting(), null)).toEqual({ holders: expected, others: 1 });
  });

  test("the plan's limit is for all its users: over 80 % warns", () => {
    const others = Array.from({ length: 15 }, (_, index) => client(50 + index, "198.51.100.7", ""));
    const total = judge(seeing({ clients: [...LINES, ...others] }), expecting()).find(({ id }) => id === "connections.total");
    expect(total).toMatchObject({ status: "pass", seen: "10 (api 4, worker 6); 15 of others, of 30 in the plan", warning: expect.stringContaining("over 80 %") });
  });
});
