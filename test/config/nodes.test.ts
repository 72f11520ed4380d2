import { describe, expect, test } from "vitest";
import { connectionCeiling, expectedConnections } from "../../src/config/budgets.ts";
import { ConfigError, faultLine, parseConfig } from "../../src/config/faults.ts";
import { layoutOf } from "../../src/config/nodes.ts";
import { cx33, spoilt } from "./good.ts";

type Nodes = Readonly<Record<string, object>>;

const SPLIT_WORKER: Nodes = { main: { roles: ["proxy", "api", "redis", "postgres"] }, worker: { roles: ["worker"] } };
const SPLIT_REDIS: Nodes = { main: { roles: ["proxy", "api", "worker", "postgres"] }, redis: { roles: ["redis"] } };
const SPLIT_API: Nodes = { main: { roles: ["proxy", "worker", "redis", "postgres"] }, api: { roles: ["api"], count: 2 } };
const ALL_APART: Nodes = { web: { roles: ["proxy", "api"] }, redis: { roles: ["redis"] }, db: { roles: ["postgres"] }, jobs: { roles: ["worker"], count: 3 } };

function layout(nodes: Nodes) {
  return layoutOf(parseConfig(spoilt({ nodes })));
}

/** Name, roles, volume: a line a node, in the order of the releases. */
function lines(nodes: Nodes): string[] {
  return layout(nodes).nodes.map((node) => `${node.name}${node.first ? " (first)" : ""}: ${node.roles.join(" ")}, ${node.volume === null ? "no volume" : `${node.volume.sizeGb} GB`}`);
}

describe("where the roles stand", () => {
  test("without nodes all is on one server, without a private address", () => {
    const { nodes, first, last } = layout({});
    expect(lines({})).toEqual(["main (first): proxy api worker redis postgres, 20 GB"]);
    expect(nodes[0]?.address).toBeNull();
    expect(first).toBe(last);
  });

  test("data alone is released first, then the node with the proxy and the migration, then workers, and these keep nothing", () => {
    expect(lines(SPLIT_WORKER)).toEqual(["main (first): proxy api redis postgres, 20 GB", "worker: worker, no volume"]);
    expect(lines(SPLIT_REDIS)).toEqual(["redis: redis, 20 GB", "main (first): proxy api worker postgres, 20 GB"]);
    expect(lines(ALL_APART)).toEqual(["db: postgres, 20 GB", "redis: redis, 20 GB", "web (first): proxy api, 20 GB", "jobs: worker, no volume", "jobs-2: worker, no volume", "jobs-3: worker, no volume"]);
  });

  test("an API apart from the proxy is released after the first node, which knows where data is, and before workers", () => {
    expect(lines(SPLIT_API)).toEqual(["main (first): proxy worker redis postgres, 20 GB", "api: api, no volume", "api-2: api, no volume"]);
    const each: Nodes = { web: { roles: ["proxy"] }, api: { roles: ["api"], count: 2 }, db: { roles: ["postgres", "redis"] }, jobs: { roles: ["worker"] } };
    expect(lines(each)).toEqual(["db: redis postgres, 20 GB", "web (first): proxy, 20 GB", "api: api, no volume", "api-2: api, no volume", "jobs: worker, no volume"]);
    expect(layout(each).users.map(({ name }) => name)).toEqual(["api", "api-2", "jobs"]);
    expect(layout(each).apis.map(({ name }) => name)).toEqual(["api", "api-2"]);
  });

  test("one entry with all roles is the same as none", () => {
    expect(layout({ main: { roles: ["proxy", "api", "worker", "redis", "postgres"] } })).toEqual(layout({}));
  });

  test("an address is what a node's name says: a node that comes or goes moves no other", () => {
    const of = (nodes: Nodes): Record<string, string | null> => Object.fromEntries(layout(nodes).nodes.map(({ name, address }) => [name, address]));
    const before = of(ALL_APART);
    expect(before["web"]).toBe("10.83.0.2");
    expect(new Set(Object.values(before)).size).toBe(6);
    const { db: _, ...rest } = before;
    expect(of({ web: { roles: ["proxy", "api", "postgres"] }, redis: { roles: ["redis"] }, jobs: { roles: ["worker"], count: 3 } })).toEqual(rest);
  });

  test("in a small range, where two names meet, the one that keeps data has its own all the same", () => {
    const of = (nodes: Nodes): string | null | undefined => layoutOf(parseConfig(spoilt({ nodes, "network.range": "10.83.4.0/24" }), cx33)).nodes.find(({ name }) => name === "postgres")?.address;
    const main = { roles: ["proxy", "api", "redis"] } as const;
    expect(of({ main: { roles: [...main.roles] }, postgres: { roles: ["postgres"] }, back: { roles: ["worker"] } })).toBe(of({ main: { roles: [...main.roles, "worker"] }, postgres: { roles: ["postgres"] } }));
  });
});

describe("what nodes must mean together", () => {
  function faults(nodes: Nodes, more: Readonly<Record<string, unknown>> = {}): string[] {
    try {
      parseConfig(spoilt({ nodes, ...more }), cx33);
    } catch (error) {
      if (error instanceof ConfigError) return error.faults.map(faultLine);
      throw error;
    }
    return [];
  }

  test.each([
    ["a role nowhere, a role twice: both in one message", { main: { roles: ["proxy", "api", "worker", "redis"] }, other: { roles: ["redis"] } }, [
      "nodes: required the role redis on exactly one entry of nodes; found on main, other",
      "nodes: required the role postgres on exactly one entry of nodes; found on none",
    ]],
    ["Redis twice over", { ...SPLIT_REDIS, redis: { roles: ["redis"], count: 2 } }, ["nodes.redis.count: required 1 with redis: only a node of the worker alone, or of the API alone, may be several; found 2"]],
    ["the API away from the proxy", { main: { roles: ["proxy", "worker", "redis", "postgres"] }, api: { roles: ["api"] } }, []],
    ["the API away from the proxy, several times", SPLIT_API, []],
    ["the API away from the proxy, in company", { main: { roles: ["proxy", "redis", "postgres"] }, api: { roles: ["api", "worker"], count: 2 } }, [
      "nodes.api.roles: required api alone on a node without the proxy: data is released before it, workers after it; found api, worker",
      "nodes.api.count: required 1 with api, worker: only a node of the worker alone, or of the API alone, may be several; found 2",
    ]],
    ["the proxy several times", { main: { roles: ["proxy", "api", "worker", "redis", "postgres"], count: 2 } }, [
      "nodes.main.count: required 1 with proxy, api, worker, redis, postgres: only a node of the worker alone, or of the API alone, may be several; found 2",
    ]],
    ["worker and data apart from the proxy", { main: { roles: ["proxy", "api", "postgres"] }, back: { roles: ["worker", "redis"] } }, [
      "nodes.back.roles: required worker apart from redis and postgres on a node without the proxy: data is released before the application, workers after it; found worker, redis",
    ]],
    ["a name that a count takes", { ...SPLIT_WORKER, worker: { roles: ["worker"], count: 2 }, "worker-2": { roles: ["worker"] } }, [
      "nodes: required the role worker on exactly one entry of nodes; found on worker, worker-2",
      "nodes.worker-2: required another name: a count elsewhere gives its second server this one; found worker-2",
    ]],
    ["a volume where nothing is kept", { ...SPLIT_WORKER, worker: { roles: ["worker"], volumeSizeGb: 20 } }, ["nodes.worker.volumeSizeGb: required nothing: a node without redis, postgres and proxy has no volume; found 20"]],
    ["an unknown key of a node", { ...SPLIT_WORKER, worker: { roles: ["worker"], type: "cx33" } }, ["nodes.worker.type: required one of roles, serverType, count, volumeSizeGb, volumeId; found an unknown key"]],
    ["an unknown role", { ...SPLIT_WORKER, worker: { roles: ["workers"] } }, ['nodes.worker.roles[0]: required one of "proxy", "api", "worker", "redis", "postgres"; found "workers"']],
  ] as const)("%s", (_, nodes, expected) => {
    expect(faults(nodes)).toEqual(expected);
  });

  test("two names that keep data and would have one address", () => {
    const nodes: Nodes = { main: { roles: ["proxy", "api", "worker"] }, a: { roles: ["postgres"] }, redis: { roles: ["redis"] } };
    expect(faults(nodes, { "network.range": "10.83.4.0/24" })).toEqual([
      "network.range: required a larger range, or another name for one of a and redis: an address follows from a name, and data must not change its own; found 10.83.4.0/24, where both have the same",
    ]);
    expect(faults(nodes)).toEqual([]);
  });

  test("the range has room, and is one that Docker's own networks never take", () => {
    expect(faults(SPLIT_WORKER, { "network.range": "192.168.0.0/16" })).toEqual(['network.range: required a range within 10.0.0.0/8, such as 10.83.0.0/16 or 10.83.4.0/24; found "192.168.0.0/16"']);
    expect(faults({ ...SPLIT_WORKER, worker: { roles: ["worker"], count: 100 } })).toContain("nodes: required at most 100 servers, Hetzner's bound on a private network; found 101");
  });

  test("memory is held against each node's own server", () => {
    expect(faults({ ...SPLIT_WORKER, worker: { roles: ["worker"], serverType: "cx33" } }, { "worker.memoryMb": 7900 })).toEqual([
      "nodes.worker.serverType: required memory limits of at most 7680 MiB together on worker (cx33 has 8192, host.reserveMb keeps 512), or a larger type; found 8092 MiB (worker 7900, verify 192)",
    ]);
    // All on one server it would not fit.
    expect(faults({ ...SPLIT_WORKER, worker: { roles: ["worker"] } }, { "worker.memoryMb": 7000 })).toEqual([]);
  });

  test("the migration's memory counts where it runs", () => {
    const tight = { "app.migrate": ["node", "migrate.js"], "api.memoryMb": 7680 - 192, "worker.memoryMb": 256 };
    expect(faults(SPLIT_API, tight)).toEqual([]);
    expect(faults({ main: { roles: ["proxy", "redis", "postgres"] }, api: { roles: ["api"] }, worker: { roles: ["worker"] } }, tight)).toEqual([
      "server.type: required memory limits of at most 7680 MiB together on api (cx33 has 8192, host.reserveMb keeps 512), or a larger type; found 7744 MiB (api 7488, migrate 256)",
    ]);
  });

  test("each API counts in the connections' budget", () => {
    const two = parseConfig(spoilt({ nodes: SPLIT_API }));
    expect([expectedConnections(two), connectionCeiling(two)]).toEqual([2 * 4 + 6, 2 * 3 * 3]);
    expect(faults(SPLIT_API, { "redis.connectionCeiling": 12 })).toEqual(["redis.connectionCeiling: required at least 14, which the processes open (2 x api 4 + worker 6, with 2 queues); found 12"]);
  });

  test("each worker counts in the connections' budget", () => {
    const three = parseConfig(spoilt({ nodes: ALL_APART }));
    expect([expectedConnections(three), connectionCeiling(three)]).toEqual([4 + 3 * 6, 2 * 3 * 4]);
    expect(faults(ALL_APART, { "redis.connectionCeiling": 12 })).toEqual(["redis.connectionCeiling: required at least 22, which the processes open (api 4 + 3 x worker 6, with 2 queues); found 12"]);
  });
});
