import { describe, expect, test } from "vitest";
import { composeFile, composeText } from "../../src/compose/file.ts";
import { parseYaml, toYaml } from "../../src/compose/yaml.ts";
import { everywhere, type Here } from "../../src/config/nodes.ts";
import type { Config, ConfigInput } from "../../src/config/schema.ts";
import { firewallRules } from "../../src/host/firewall.ts";
import { nftTable } from "../../src/host/nftables.ts";
import { hostTree } from "../../src/host/tree.ts";
import { releaseBundle } from "../../src/release/bundle.ts";
import { secretFiles } from "../../src/release/secrets.ts";
import { sources, stack } from "../helpers/stack.ts";

const SPLIT_WORKER: ConfigInput["nodes"] = { main: { roles: ["proxy", "api", "redis", "postgres"] }, worker: { roles: ["worker"] } };
const SPLIT_REDIS: ConfigInput["nodes"] = { main: { roles: ["proxy", "api", "worker", "postgres"] }, redis: { roles: ["redis"] } };

function on(nodes: ConfigInput["nodes"], name: string): { config: Config; here: Here } {
  const config = stack({ nodes, app: { migrate: ["node", "migrate.js"] }, secrets: { app: { SMTP_PASSWORD: "s" } } });
  const here = everywhere(config).find(({ node }) => node.name === name);
  if (here === undefined) throw new Error(`no node ${name}`);
  return { config, here };
}

function compose(nodes: ConfigInput["nodes"], name: string) {
  const { config, here } = on(nodes, name);
  return composeFile(config, sources, here);
}

const bundleOf = (config: Config, here?: Here) => releaseBundle({ config, ...(here === undefined ? {} : { here }), deployKeys: [], volumeId: "4711", scripts: {}, verifierDigest: "ab".repeat(32) });

test("one entry with every role renders what no entry renders, byte for byte", () => {
  const none = stack();
  const one = stack({ nodes: { anything: { roles: ["redis", "postgres", "api", "worker", "proxy"] } } });
  expect(bundleOf(one)).toEqual(bundleOf(none));
});

test("each node's text says what its own model says, also where many nodes share a text", () => {
  const config = stack({ nodes: { ...SPLIT_WORKER, worker: { roles: ["worker"], count: 3 } }, app: { migrate: ["node", "migrate.js"] } });
  for (const here of everywhere(config)) {
    const own = { ...sources, expectations: `/host/${here.node.name}-expect.json` };
    expect(parseYaml(composeText(config, own, here)), here.node.name).toEqual(parseYaml(toYaml(composeFile(config, own, here))));
  }
});

describe("a worker of its own", () => {
  const [main, worker] = [compose(SPLIT_WORKER, "main"), compose(SPLIT_WORKER, "worker")];

  test("each node runs its roles and no other; the migration is where the API is", () => {
    expect(Object.keys(main.services)).toEqual(["redis", "postgres", "api", "proxy", "migrate", "verify"]);
    expect(Object.keys(worker.services)).toEqual(["worker", "verify"]);
  });

  test("names that are containers on one node are addresses on the other, so that every URL stays", () => {
    expect(worker.services["worker"]).toMatchObject({ extra_hosts: ["redis:10.83.0.2", "postgres:10.83.0.2"], environment: { REDIS_URL: "redis://redis:6379" } });
    expect(worker.services["worker"]).not.toHaveProperty("depends_on");
    // The verifier of the node that is released last sends the canary.
    expect(worker.services["verify"]?.extra_hosts).toEqual(["redis:10.83.0.2", "postgres:10.83.0.2", "api:10.83.0.2"]);
    expect(main.services["api"]).not.toHaveProperty("extra_hosts");
  });

  test("data is published on the private address only", () => {
    expect(main.services["redis"]?.ports).toEqual([{ target: 6379, published: "6379", protocol: "tcp", mode: "ingress", host_ip: "10.83.0.2" }]);
    expect(main.services["postgres"]?.ports?.map(({ host_ip: address, published }) => `${address ?? ""}:${published}`)).toEqual(["10.83.0.2:5432"]);
    expect(worker.services["worker"]?.ports).toBeUndefined();
  });

  test("the networks carry what the private one carries, and only the proxy's node has its edge", () => {
    const options = { driver_opts: { "com.docker.network.driver.mtu": "1450" } };
    expect(main.networks).toEqual({ edge: options, backend: options });
    expect(worker.networks).toEqual({ backend: options });
  });

  test("the host lets in the nodes that need a port, and none else", () => {
    const { config, here } = on(SPLIT_WORKER, "main");
    const address = here.layout.last.address ?? "";
    expect(nftTable(config, here).split("\n").filter((line) => line.includes("10.83"))).toEqual([
      `\t\tip saddr ${address} ct status dnat ct original ip daddr 10.83.0.2 ct original proto-dst 6379 accept`,
      `\t\tip saddr ${address} ct status dnat ct original ip daddr 10.83.0.2 ct original proto-dst 5432 accept`,
      `\t\tip saddr ${address} ct status dnat ct original ip daddr 10.83.0.2 ct original proto-dst 3000 accept`,
    ]);
    const other = on(SPLIT_WORKER, "worker");
    expect(nftTable(other.config, other.here)).toContain("tcp dport { 22 } accept");
    expect(nftTable(other.config, other.here)).not.toMatch(/proto-dst/);
    expect(firewallRules(other.config, other.here).map(({ port = "icmp" }) => port)).toEqual(["22", "icmp"]);
  });

  test("a node that keeps nothing has no volume to wait for, and waits for its address", () => {
    const { config, here } = on(SPLIT_WORKER, "worker");
    const tree = hostTree(config, null, undefined, here);
    expect(tree.map(({ path }) => path).filter((path) => /volume|docker\.service\.d|network\.service/.test(path))).toEqual(["/etc/systemd/system/berth-network.service", "/etc/systemd/system/docker.service.d/berth.conf"]);
    expect(tree.find(({ path }) => path.endsWith("host.env"))?.text).toBe(`BERTH_PRIVATE_ADDRESS='${here.node.address ?? ""}'\n`);
    // A server that ran alone: what its application requires from now on must not stop it to be started.
    expect(tree.find(({ path }) => path.endsWith("/berth-network.service"))?.text).toContain("\nExecReload=/opt/berth/scripts/current/berth network\n");
    expect(tree.find(({ path }) => path.endsWith("/berth.service"))?.text).toMatch(/\nRequires=berth-network.service\n/);
  });

  test("a node is given the secrets that it reads", () => {
    const { config, here } = on(SPLIT_WORKER, "worker");
    const names = secretFiles(config, here).entries.map(({ path }) => path.replace(/^.*\/(.*)-[0-9a-f]{12}$/, "$1"));
    expect(names).toEqual(["app-redis_password", "app-postgres_password", "app-SMTP_PASSWORD"]);
  });
});

describe("a Redis of its own", () => {
  test("it knows neither the application's secrets nor Postgres", () => {
    const { config, here } = on(SPLIT_REDIS, "redis");
    expect(Object.keys(composeFile(config, sources, here).services)).toEqual(["redis", "verify"]);
    expect(secretFiles(config, here).entries.map(({ path }) => path.replace(/^.*\/(.*)-[0-9a-f]{12}$/, "$1"))).toEqual(["redis-auth.conf", "redis-password", "app-redis_password"]);
    expect(composeFile(config, sources, here).services["verify"]?.volumes?.map(({ target }) => target)).not.toContain("/run/secrets/postgres_password");
  });

  test("what is judged where: the data on its node, the whole on the last", () => {
    const of = (name: string) => {
      const { config, here } = on(SPLIT_REDIS, name);
      return bundleOf(config, here).expectations;
    };
    const redis = on(SPLIT_REDIS, "redis").here.node.address;
    expect(of("redis").node).toEqual({
      name: "redis", address: redis, redis: "here", postgres: "not used", api: "not used", last: false, instances: [],
      others: [{ holder: "api@main", process: "api", address: "10.83.0.2" }, { holder: "worker@main", process: "worker", address: "10.83.0.2" }],
      privatePorts: [6379], refused: [{ what: "postgres on main", address: "10.83.0.2", port: 5432 }],
    });
    expect(of("main").node).toEqual({
      name: "main", address: "10.83.0.2", redis: "elsewhere", postgres: "here", api: "here", last: true,
      instances: [{ holder: "api", process: "api", address: "10.83.0.2" }, { holder: "worker", process: "worker", address: "10.83.0.2" }], others: [],
      privatePorts: [], refused: [],
    });
    expect(Object.keys(of("redis").images)).toEqual(["redis"]);
    expect(Object.keys(of("main").images)).toEqual(["postgres", "api", "worker", "proxy"]);
  });

  test("a node that needs neither is to find both closed", () => {
    const apart: ConfigInput["nodes"] = { web: { roles: ["proxy", "api", "worker"] }, redis: { roles: ["redis"] }, db: { roles: ["postgres"] } };
    const { config, here } = on(apart, "db");
    const redis = here.layout.holder.redis?.address;
    expect(bundleOf(config, here).expectations.node?.refused).toEqual([{ what: "redis on redis", address: redis, port: 6379 }]);
  });
});
