import { expect, test } from "vitest";
import { parseClientList } from "../../src/redis/clients.ts";
import { judge } from "../../src/verify/checks/index.ts";
import { known } from "../../src/verify/fact.ts";
import { judgedInstances, settledAcross } from "../../src/verify/nodes.ts";
import type { Check, Expectations, NodeExpectation } from "../../src/verify/types.ts";
import { passes } from "../../src/verify/verdict.ts";
import { client, CLIENT_LINES, EXPECTATIONS, facts } from "./healthy.ts";

/** One node's part of the verification: who is judged, and by which address. */

const [HERE, OTHER] = ["10.83.0.2", "10.83.7.7"];
const NODE: NodeExpectation = {
  name: "main", address: HERE, redis: "here", postgres: "here", api: "here", at: {}, last: true, others: [], privatePorts: [], refused: [],
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
  const worker = ids({ redis: "elsewhere", postgres: "elsewhere", api: "not used", last: false }, null);
  expect(alone.filter((id) => !worker.includes(id))).toEqual([
    "redis.save", "redis.aof", "redis.aof-status", "redis.eviction-policy", "redis.maxmemory", "redis.memory", "redis.config", "redis.evictions", "redis.rejected", "redis.fork",
    "redis.hugepages", "redis.overcommit", "redis.swap", "connections.total", "connections.foreign", "app.ready", "app.consuming", "host.volume", "app.heartbeat", "app.canary.file", "app.canary.email",
  ]);
  expect(ids({ redis: "not used", postgres: "here", instances: [], api: "not used", last: false }).filter((id) => /^(redis|connections|postgres)/.test(id))).toEqual(["postgres.ready", "postgres.connections"]);
});

test("a port of another node that opens although no role here needs it fails", () => {
  const refused = [{ what: "redis on redis", address: OTHER, port: 6379 }];
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
