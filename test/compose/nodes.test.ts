import { describe, expect, test } from "vitest";
import { composeFile, composeText } from "../../src/compose/file.ts";
import { parseYaml, toYaml } from "../../src/compose/yaml.ts";
import { everywhere, type Here } from "../../src/config/nodes.ts";
import type { Config, ConfigInput } from "../../src/config/schema.ts";
import { caddyfile } from "../../src/host/caddyfile.ts";
import { firewallRules } from "../../src/host/firewall.ts";
import { nftTable } from "../../src/host/nftables.ts";
import { hostTree } from "../../src/host/tree.ts";
import { releaseBundle } from "../../src/release/bundle.ts";
import { secretFiles } from "../../src/release/secrets.ts";
import { sources, stack } from "../helpers/stack.ts";

const SPLIT_WORKER: ConfigInput["nodes"] = { main: { roles: ["proxy", "api", "redis", "postgres"] }, worker: { roles: ["worker"] } };
const SPLIT_REDIS: ConfigInput["nodes"] = { main: { roles: ["proxy", "api", "worker", "postgres"] }, redis: { roles: ["redis"] } };
const SPLIT_API: ConfigInput["nodes"] = { main: { roles: ["proxy", "redis", "postgres", "worker"] }, api: { roles: ["api"], count: 2 } };

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
      name: "redis", address: redis, redis: "here", postgres: "not used", api: "not used", at: {}, last: false, canary: false, instances: [],
      others: [{ holder: "api@main", process: "api", address: "10.83.0.2" }, { holder: "worker@main", process: "worker", address: "10.83.0.2" }],
      privatePorts: [6379], refused: [{ what: "postgres on main", node: "main", address: "10.83.0.2", port: 5432 }],
    });
    expect(of("main").node).toEqual({
      name: "main", address: "10.83.0.2", redis: "elsewhere", postgres: "here", api: "here", at: { redis: { node: "redis", address: redis } }, last: true, canary: true,
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
    expect(bundleOf(config, here).expectations.node?.refused).toEqual([{ what: "redis on redis", node: "redis", address: redis, port: 6379 }]);
  });
});

describe("the API on nodes of its own", () => {
  const [main, api] = [compose(SPLIT_API, "main"), compose(SPLIT_API, "api")];
  const address = (name: string): string => on(SPLIT_API, name).here.node.address ?? "";

  test("each node runs its roles; the migration is where the first process of the application starts", () => {
    expect(Object.keys(main.services)).toEqual(["redis", "postgres", "worker", "proxy", "migrate", "verify"]);
    expect(Object.keys(api.services)).toEqual(["api", "verify"]);
    const apart: ConfigInput["nodes"] = { main: { roles: ["proxy", "redis", "postgres"] }, api: { roles: ["api"], count: 2 }, jobs: { roles: ["worker"] } };
    const migrating = everywhere(on(apart, "main").config).filter((here) => "migrate" in composeFile(on(apart, "main").config, sources, here).services);
    expect(migrating.map(({ node }) => node.name)).toEqual(["api"]);
  });

  test("it is published on the private address only, and the proxy waits for nobody on its own node", () => {
    const common = { target: 3000, protocol: "tcp", mode: "ingress", host_ip: address("api") };
    // The second one is where the proxy asks whether it is ready: closed before it stops.
    expect(api.services["api"]?.ports).toEqual([{ ...common, published: "3000" }, { ...common, published: "2016" }]);
    expect(compose({ ...SPLIT_API, api: { roles: ["api"] } }, "api").services["api"]?.ports?.map(({ published }) => published)).toEqual(["3000"]);
    expect(api.services["api"]?.networks).toEqual(["backend"]);
    expect(Object.keys(api.networks ?? {})).toEqual(["backend"]);
    expect(main.services["proxy"]).not.toHaveProperty("depends_on");
    expect(main.services["proxy"]?.ports?.map(({ published }) => published)).toEqual(["80"]);
  });

  test("the proxy asks both", () => {
    const { config, here } = on(SPLIT_API, "main");
    expect(/\treverse_proxy [^}]*\}\n\t\}\n/.exec(caddyfile(config, here))?.[0].replace(address("api-2"), "API-2").replace(address("api"), "API")).toMatchInlineSnapshot(`
      "	reverse_proxy API:3000 API-2:3000 {
      		# While the API is restarted requests wait, and only those that never reached it are sent again.
      		lb_try_duration 30s
      		lb_try_interval 250ms
      		lb_policy least_conn
      		# One that is not ready is not asked, and one that fails is left out until the next look at it.
      		health_uri /readyz
      		health_port 2016
      		health_interval 2s
      		health_timeout 5s
      		fail_duration 2s
      		# A connection for each request: on a kept one it could meet the end of that API, and one to a node that is gone ends soon.
      		transport http {
      			dial_timeout 2s
      			keepalive off
      		}
      	}
      "
    `);
  });

  test("one alone is asked again and again, as the one beside the proxy is", () => {
    const { config, here } = on({ ...SPLIT_API, api: { roles: ["api"] } }, "main");
    expect(caddyfile(config, here).replace(address("api"), "api")).toBe(caddyfile(stack()));
  });

  test("the host lets in the proxy's node, and says at once when there is no API", () => {
    const { config, here } = on(SPLIT_API, "api");
    const ruled = (name: string): string[] => nftTable(on(SPLIT_API, name).config, on(SPLIT_API, name).here).split("\n").filter((line) => /3000|2016/.test(line)).map((line) => line.trim());
    const rules = (own: string): string[] => [
      "ip saddr 10.83.0.2 tcp dport 3000 reject with tcp reset",
      "ip saddr 10.83.0.2 tcp dport 2016 reject with tcp reset",
      `ip saddr 10.83.0.2 ct status dnat ct original ip daddr ${own} ct original proto-dst 3000 accept`,
      `ip saddr 10.83.0.2 ct status dnat ct original ip daddr ${own} ct original proto-dst 2016 accept`,
    ];
    expect(ruled("api")).toEqual(rules(address("api")));
    expect(ruled("api-2")).toEqual(rules(address("api-2")));
    expect(ruled("main")).toEqual([]);
    expect(firewallRules(config, here).map(({ port = "icmp" }) => port)).toEqual(["22", "icmp"]);
  });

  test("where workers are released after it, the last of them sends the canary, to the first API", () => {
    const apart: ConfigInput["nodes"] = { main: { roles: ["proxy", "redis", "postgres"] }, api: { roles: ["api"], count: 2 }, jobs: { roles: ["worker"] } };
    const jobs = on(apart, "jobs").here.node.address ?? "";
    expect(compose(apart, "jobs").services["verify"]?.extra_hosts).toContain(`api:${address("api")}`);
    const letsIn = (name: string): number => nftTable(on(apart, name).config, on(apart, name).here).split(jobs).length - 1;
    expect([letsIn("api"), letsIn("api-2")]).toEqual([1, 0]);
  });

  test("what is judged where", () => {
    const of = (name: string) => bundleOf(on(SPLIT_API, name).config, on(SPLIT_API, name).here).expectations;
    const others = (...names: string[]) => names.map((name) => ({ holder: `api@${name}`, process: "api", address: address(name) }));
    expect(of("main").node).toEqual({
      name: "main", address: "10.83.0.2", redis: "here", postgres: "here", api: "not used", at: {}, last: false, canary: false,
      instances: [{ holder: "worker", process: "worker", address: null }], others: others("api", "api-2"), privatePorts: [6379, 5432], refused: [],
    });
    const common = { redis: "elsewhere", postgres: "elsewhere", api: "here", at: { redis: { node: "main", address: "10.83.0.2" }, postgres: { node: "main", address: "10.83.0.2" } }, others: [], privatePorts: [3000, 2016] };
    const own = (name: string) => ({ holder: "api", process: "api", address: address(name) });
    expect(of("api").node).toEqual({
      ...common, name: "api", address: address("api"), last: false, canary: true, instances: [own("api")],
      refused: [{ what: "api on api-2", node: "api-2", address: address("api-2"), port: 3000 }],
    });
    expect(of("api-2").node).toEqual({
      ...common, name: "api-2", address: address("api-2"), last: true, canary: true,
      instances: [own("api-2"), { holder: "worker@main", process: "worker", address: null }, ...others("api")],
      refused: [{ what: "api on api", node: "api", address: address("api"), port: 3000 }],
    });
    expect(of("main").publishedPorts).toEqual([80]);
    expect(of("api").publishedPorts).toEqual([]);
    expect(of("api-2").connectionCeiling).toBe(18);
  });

  test("its host knows the port to close before it stops; one alone is not in any rotation", () => {
    const env = (nodes: ConfigInput["nodes"], name: string): string => bundleOf(on(nodes, name).config, on(nodes, name).here).files.find(({ path }) => path.endsWith("/release.env"))?.text ?? "";
    expect(env(SPLIT_API, "api-2")).toContain("\nBERTH_READINESS_PORT='2016'\n");
    expect(env(SPLIT_API, "main")).not.toContain("BERTH_READINESS_PORT");
    expect(env({ ...SPLIT_API, api: { roles: ["api"] } }, "api")).not.toContain("BERTH_READINESS_PORT");
    expect(caddyfile(stack({ nodes: SPLIT_API, app: { port: 2016 } }))).toContain("\thealth_port 2017\n");
  });

  test("an API gets the application's secrets and no other", () => {
    const { config, here } = on(SPLIT_API, "api-2");
    expect(secretFiles(config, here).entries.map(({ path }) => path.replace(/^.*\/(.*)-[0-9a-f]{12}$/, "$1"))).toEqual(["app-redis_password", "app-postgres_password", "app-SMTP_PASSWORD"]);
  });
});
