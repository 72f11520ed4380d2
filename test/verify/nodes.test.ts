import { expect, test } from "vitest";
import { parseClientList } from "../../src/redis/clients.ts";
import { judge } from "../../src/verify/checks/index.ts";
import { known, notKnown } from "../../src/verify/fact.ts";
import { judgedInstances, settledAcross } from "../../src/verify/nodes.ts";
import type { Check, Expectations, NodeExpectation } from "../../src/verify/types.ts";
import { passes } from "../../src/verify/verdict.ts";
import { client, CLIENT_LINES, EXPECTATIONS, facts, SECTIONS } from "./healthy.ts";

/** One node's part of the verification: who is judged, and by which address. */

const [HERE, OTHER] = ["10.83.0.2", "10.83.7.7"];
const NODE: NodeExpectation = {
  name: "main", address: HERE, redis: "here", postgres: "here", api: "here", at: {}, last: true, canary: true, others: [], privatePorts: [], refused: [],
  instances: [{ holder: "api", process: "api", address: null }, { holder: "worker@worker", process: "worker", address: OTHER }],
};

function against(change: Parameters<typeof facts>[0], node: Partial<NodeExpectation>, more: Partial<Expectations> = {}): Record<string, string> {
  const checks = judge(facts(change), { ...EXPECTATIONS, ...more, node: { ...NODE, ...node } });
  return Object.fromEntries(checks.filter((check: Check) => !passes(check)).map(({ id, seen }) => [id, seen]));
}

/** The healthy ten, the worker's under another node's address, as Docker's masquerading shows them. */
const remoteWorker = CLIENT_LINES.map((line) => line.replace("172.20.0.5:", `${OTHER}:`));

test("another node's process is known by the address of its node", () => {
  expect(against({ clients: remoteWorker }, {})).toEqual({});
  expect(against({ clients: remoteWorker.filter((line) => !line.includes("worker:client:email")) }, {})).toEqual({ "connections.required": "worker@worker has 1 of 2 client connections (none for email)" });
  expect(against({ clients: [...remoteWorker, client(99, "10.83.9.9", "")] }, { })["connections.foreign"]).toMatch(/^1 connection: unknown 10\.83\.9\.9:40099 unnamed/);
});

test("where Redis is elsewhere, the host's sockets tell this node's containers apart", () => {
  const everything = CLIENT_LINES.map((line) => line.replace(/172\.20\.0\.[45]:/, `${HERE}:`));
  const ports = (name: RegExp): number[] => everything.filter((line) => name.test(line)).map((line) => Number(/addr=[^ ]*:(\d+)/.exec(line)?.[1]));
  const sockets = [...ports(/name=api/).map((port) => `id-api ${port}`), ...ports(/name=(worker|bull)/).map((port) => `id-worker ${port}`)].join("\n");
  const node: Partial<NodeExpectation> = { redis: "elsewhere", instances: [{ holder: "api", process: "api", address: HERE }, { holder: "worker", process: "worker", address: HERE }] };
  expect(against({ clients: everything, sections: { sockets } }, node)).toEqual({});
  expect(against({ clients: [...everything, client(99, HERE, "")], sections: { sockets: `${sockets}\nid-api 40099` } }, node)["connections.maximum"]).toMatch(/^api holds 3 client connections, 2 allowed \(one a queue, 2 queues\): api 10\.83\.0\.2:40099/);
  // What no container of this node holds is a stranger's.
  expect(against({ clients: [...everything, client(99, HERE, "")], sections: { sockets } }, node)["connections.foreign"]).toMatch(/10\.83\.0\.2:40099/);
});

test("a stranger beside Redis is named where Redis is, also when the whole is judged elsewhere", () => {
  const node: Partial<NodeExpectation> = { last: false, instances: [{ holder: "api", process: "api", address: null }], others: [{ holder: "worker@worker", process: "worker", address: OTHER }] };
  expect(against({ clients: remoteWorker }, node)).toEqual({});
  const change = { clients: [...remoteWorker, client(99, "172.20.0.77", "metabase")], rest: { names: new Map([["172.20.0.77", "metabase"]]) } };
  expect(against(change, node)["connections.foreign"]).toMatch(/^1 connection: metabase 172\.20\.0\.77:40099 "metabase"/);
  expect(advised("connections.foreign", change, node)).toMatch(/ Now: `berth ssh --node=main -- sudo docker stop metabase`\.$/);
  // Data alone: whoever uses it is on another node.
  expect(against({ clients: remoteWorker.filter((line) => line.includes(OTHER)) }, { ...node, api: "not used", instances: [] })["connections.foreign"]).toBeUndefined();
  expect(against(change, { ...node, api: "not used", instances: [] })["connections.foreign"]).toContain("metabase 172.20.0.77");
});

test("settled: the sums of each address, before containers are told apart", () => {
  const expectations = { ...EXPECTATIONS, node: { ...NODE, redis: "elsewhere" as const, instances: [{ holder: "worker", process: "worker" as const, address: OTHER }, { holder: "api@main", process: "api" as const, address: null }] } };
  expect(settledAcross(parseClientList(remoteWorker.join("\n")), expectations)).toBe(true);
  expect(settledAcross(parseClientList(remoteWorker.slice(1).join("\n")), expectations)).toBe(false);
  expect(settledAcross(parseClientList([...remoteWorker, client(99, OTHER, "")].join("\n")), expectations)).toBe(false);
});

test("a node is judged by what stands on it", () => {
  const ids = (node: Partial<NodeExpectation>, volume: Expectations["volume"] = EXPECTATIONS.volume): string[] =>
    judge(facts({}), { ...EXPECTATIONS, volume, node: { ...NODE, ...node } }).map(({ id }) => id);
  const alone = judge(facts({}), EXPECTATIONS).map(({ id }) => id);
  expect(ids({})).toEqual(alone);
  const worker = ids({ redis: "elsewhere", postgres: "elsewhere", api: "not used", last: false, canary: false }, null);
  expect(alone.filter((id) => !worker.includes(id))).toEqual([
    "redis.save", "redis.aof", "redis.aof-status", "redis.eviction-policy", "redis.maxmemory", "redis.memory", "redis.config", "redis.evictions", "redis.rejected", "redis.fork",
    "redis.hugepages", "redis.overcommit", "redis.swap", "connections.total", "connections.foreign", "app.ready", "app.consuming", "host.volume", "app.heartbeat", "app.canary.file", "app.canary.email",
  ]);
  expect(ids({ redis: "not used", postgres: "here", instances: [], api: "not used", last: false, canary: false }).filter((id) => /^(redis|connections|postgres)/.test(id))).toEqual(["postgres.ready", "postgres.connections"]);
});

test("a port of another node that opens although no role here needs it fails", () => {
  const refused = [{ what: "redis on redis", node: "redis", address: OTHER, port: 6379 }];
  const looked = (connected: boolean) => ({ clients: remoteWorker, rest: { refused: known([{ what: "redis on redis", connected, detail: `${OTHER}:6379 accepted a connection` }]) } });
  expect(against(looked(false), { refused })).toEqual({});
  expect(against(looked(true), { refused })).toEqual({ "exposure.private": `redis on redis: ${OTHER}:6379 accepted a connection` });
});

test("a port published on the private address is another node's to reach; on any other address it is a fault", () => {
  const published = (address: string) => ({ clients: remoteWorker, sections: { containers: JSON.stringify({ Names: "shop-redis-1", Ports: `${address}:6379->6379/tcp` }) } });
  expect(against(published(HERE), { privatePorts: [6379] })).toEqual({});
  expect(against(published("0.0.0.0"), { privatePorts: [6379] })).toEqual({ "exposure.ports": "shop-redis-1 publishes 0.0.0.0:6379/tcp" });
});

test("a stack of one node judges both processes", () => {
  expect(judgedInstances(EXPECTATIONS).map(({ holder }) => holder)).toEqual(["api", "worker"]);
});

/** Advice of one check, as it is on a node of several. */
function advised(id: string, change: Parameters<typeof facts>[0], node: Partial<NodeExpectation>): string {
  return judge(facts(change), { ...EXPECTATIONS, node: { ...NODE, ...node } }).find((check) => check.id === id)?.advice ?? "no such check";
}

test("what is to be typed names its node", () => {
  const shell = "`berth ssh --node=main -- sudo";
  expect(advised("redis.eviction-policy", { info: { maxmemory_policy: "allkeys-lru" } }, {})).toContain(`${shell} docker restart shop-redis-1\``);
  expect(advised("exposure.firewall", { sections: { "docker-user": "-P FORWARD DROP" } }, {})).toBe(`${shell} /opt/berth/scripts/current/berth firewall\``);
  expect(advised("host.volume", { sections: { mounts: SECTIONS["mounts"] + "\n99 22 0:30 / /mnt/berth rw - tmpfs tmpfs rw" } }, {}))
    .toMatch(/`berth ssh --node=main -- findmnt \/mnt\/berth`; away with it: `berth ssh --node=main -- sudo umount \/mnt\/berth`/);
});

test("a command for another node names that one", () => {
  // Redis is on `data`, which is not this node: nor is its container.
  const down = { redis: { ready: notKnown("Redis connection failed: WRONGPASS") } };
  expect(advised("redis.ready", down, { redis: "elsewhere", at: { redis: { node: "data", address: OTHER } } })).toMatch(/^First make sure that appendonly is on, .*`berth ssh --node=data -- sudo docker restart shop-redis-1`/);
  // The surplus of a worker elsewhere, judged here because this is the last node.
  expect(advised("connections.maximum", { clients: [...remoteWorker, client(99, OTHER, "")] }, {})).toMatch(/ `berth ssh --node=worker -- sudo docker restart shop-worker-1`\.$/);
  const refused = [{ what: "redis on data", node: "data", address: OTHER, port: 6379 }];
  expect(advised("exposure.private", { rest: { refused: known([{ what: "redis on data", connected: true, detail: "accepted" }]) } }, { refused })).toContain("`berth ssh --node=data -- sudo /opt/berth/scripts/current/berth firewall`");
});

test("an address that Redis's node gave to a container of its own names none of this node's", () => {
  // 172.20.0.5 is the worker's here, and the API's there.
  const node: Partial<NodeExpectation> = { redis: "elsewhere", instances: [{ holder: "worker", process: "worker", address: HERE }, { holder: "api@data", process: "api", address: null }] };
  const clients = CLIENT_LINES.map((line) => line.replace("172.20.0.5:", `${HERE}:`).replace("172.20.0.4:", "172.20.0.5:"));
  const over = judge(facts({ clients: [...clients, client(99, "172.20.0.5", "leak")] }), { ...EXPECTATIONS, node: { ...NODE, ...node } }).find(({ id }) => id === "connections.maximum");
  expect(over?.seen).toMatch(/^api@data, or who else is on node data, holds 3 client connections, .*: api@data 172\.20\.0\.5:40099 "leak"/);
  // It may be a stranger's: no container is restarted for it.
  expect(over?.advice).toMatch(/ `berth verify --node=data` tells the containers there apart \(connections\.foreign\)\.$/);
  expect(over?.advice).not.toContain("docker restart");
});
