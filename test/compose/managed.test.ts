import { expect, test } from "vitest";
import { composeFile } from "../../src/compose/file.ts";
import { everywhere } from "../../src/config/nodes.ts";
import { releaseBundle } from "../../src/release/bundle.ts";
import { sources, stack } from "../helpers/stack.ts";

/** A release whose Redis is a provider's. */

const URL = "rediss://app:planted-9Xk2@redis.example.net:6380";
const CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
const config = stack({ redis: { managed: { connections: 100, caCertificate: CA, serverName: "redis.example.net" } }, secrets: { redisPassword: undefined, redisUrl: URL } });
const bundle = releaseBundle({ config, deployKeys: [], volumeId: "1", scripts: {}, verifierDigest: "0".repeat(64) });
const text = (name: string): string => bundle.files.find(({ path }) => path.endsWith(name))?.text ?? `no ${name}`;

test("no Redis is rendered, nothing waits for one, and none of its files is laid down", () => {
  const { services } = composeFile(config, {
    ...sources,
    redisCa: "/host/redis-ca.crt",
    app: { redis_url: "/host/redis_url", postgres_password: "/host/postgres_password" },
  });
  expect(Object.keys(services)).toEqual(["postgres", "api", "worker", "proxy", "verify"]);
  expect([services["api"]?.depends_on, services["worker"]?.depends_on]).toEqual([{ postgres: { condition: "service_healthy" } }, { postgres: { condition: "service_healthy" } }]);
  expect(bundle.files.map(({ path }) => path).filter((path) => /redis/.test(path))).toEqual([expect.stringMatching(/^\/opt\/berth\/files\/[0-9a-f]{12}-redis-ca\.crt$/)]);
  expect(bundle.secrets.map(({ path }) => path.replace(/-[0-9a-f]{12}$/, "").split("/").at(-1))).toEqual(["postgres-password", "app-redis_url", "app-postgres_password"]);
});

test("the application is told by files alone", () => {
  expect(bundle.compose).toContain("REDIS_URL_FILE: /run/secrets/redis_url");
  expect(bundle.compose).toContain("REDIS_CA_FILE: /etc/berth/redis-ca.crt");
  expect(bundle.compose).toContain("REDIS_SERVER_NAME: redis.example.net");
  expect(bundle.compose).not.toMatch(/REDIS_URL:|REDIS_PASSWORD_FILE|redis\.conf/);
  expect(text("-redis-ca.crt")).toBe(`${CA}\n`);
});

test("URL and password are in the secrets' document and nowhere else, not even the host", () => {
  expect(bundle.secretsDocument).toContain(URL);
  const rest = bundle.filesDocument + JSON.stringify({ ...bundle, secrets: [], secretsDocument: "" });
  expect(rest).not.toMatch(/planted-9Xk2|rediss:\/\//);
});

test("the host's scripts hear of no Redis, and the verifier of a managed one", () => {
  expect(text("release.env")).toContain("BERTH_STATEFUL='postgres=postgres:17.6'");
  expect(text("release.env")).toContain("BERTH_REDIS_SECRET=''");
  expect(text("release.env")).not.toContain("redis:8");
  expect(bundle.expectations.redis).toMatchInlineSnapshot(`
    {
      "appendfsync": "everysec",
      "config": {},
      "managed": {
        "caFile": "/etc/berth/redis-ca.crt",
        "connections": 100,
        "persistence": "aof",
        "serverName": "redis.example.net",
        "urlFile": "/run/secrets/redis_url",
      },
      "maxclients": 100,
      "maxmemoryBytes": 0,
      "passwordFile": null,
      "url": null,
    }
  `);
  expect(Object.keys(bundle.expectations.images)).toEqual(["postgres", "api", "worker", "proxy"]);
});

test("on several nodes no node has the role redis, and each judges its own processes", () => {
  const nodes = { main: { roles: ["proxy", "api", "postgres"] }, work: { roles: ["worker"], count: 2 } } as const;
  const spread = stack({ nodes: structuredClone(nodes) as never, redis: { managed: { connections: 100 } }, secrets: { redisPassword: undefined, redisUrl: URL } });
  const judged = everywhere(spread).map((here) => {
    const { node } = releaseBundle({ config: spread, here, deployKeys: [], volumeId: here.node.volume === null ? null : "1", scripts: {}, verifierDigest: "0".repeat(64) }).expectations;
    return [here.node.name, node?.redis, node?.instances.map(({ holder }) => holder)];
  });
  expect(judged).toEqual([["main", "elsewhere", ["api"]], ["work", "elsewhere", ["worker"]], ["work-2", "elsewhere", ["worker"]]]);
});
