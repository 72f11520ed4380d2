import { expect, test } from "vitest";
import { composeFile } from "../../src/compose/file.ts";
import { SERVICES } from "../../src/config/roles.ts";
import type { Service } from "../../src/compose/model.ts";
import { sources, stack } from "../helpers/stack.ts";

const config = stack({ app: { migrate: ["node", "migrate.js"] }, secrets: { app: { SMTP_PASSWORD: "s" } } });
const { name, services } = composeFile(config, sources);
const all = Object.entries(services);

function service(which: string): Service {
  const found = services[which];
  if (found === undefined) throw new Error(`no service ${which}`);
  return found;
}

/** `target -> source`, with `ro` where the container may not write. */
function mounts({ volumes = [] }: Service): string[] {
  return volumes.map((volume) => `${volume.target} <- ${volume.source}${volume.type === "bind" && volume.read_only ? " ro" : ""}`);
}

test("the project's name is fixed, so that every release speaks of the same containers", () => {
  expect(name).toBe("berth");
  expect(Object.keys(services)).toEqual([...SERVICES, "migrate", "verify"]);
});

test("without a migration there is no service for it", () => {
  expect(Object.keys(composeFile(stack(), sources).services)).not.toContain("migrate");
});

test.each(all)("%s: memory and swap are one limit, and every bound is there", (_, it) => {
  expect(it.memswap_limit).toBe(it.mem_limit);
  expect(it).toMatchObject({
    init: true,
    pids_limit: expect.any(Number),
    cpu_shares: expect.any(Number),
    logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } },
  });
});

test.each(all)("%s: read-only, without capabilities, never root", (_, it) => {
  expect(it).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
  expect(it.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
});

test("only the proxy gets a capability back, and only the one its binary carries", () => {
  expect(all.filter(([, it]) => it.cap_add !== undefined).map(([which, it]) => [which, it.cap_add])).toEqual([["proxy", ["NET_BIND_SERVICE"]]]);
});

test("no negative oom_score_adj: a host may refuse to start the container", () => {
  expect(all.filter(([, it]) => (it.oom_score_adj ?? 0) < 0).map(([which]) => which)).toEqual([]);
});

test("the worker is the first to go when the host's memory runs out, the stores are the last", () => {
  const scores = Object.fromEntries(SERVICES.map((which) => [which, service(which).oom_score_adj ?? 0]));
  expect(scores).toEqual({ redis: 0, postgres: 0, proxy: 100, api: 300, worker: 500 });
});

test("only the proxy publishes ports", () => {
  expect(all.filter(([, it]) => it.ports !== undefined).map(([which]) => which)).toEqual(["proxy"]);
  expect(service("proxy").ports).toEqual([{ target: 80, published: "80", protocol: "tcp", mode: "ingress" }]);
});

test("with a domain the proxy publishes HTTPS too", () => {
  const { proxy } = composeFile(stack({ domain: "app.example.com" }), sources).services;
  expect(proxy?.ports?.map(({ published }) => published)).toEqual(["80", "443"]);
});

test("every mount's source must exist: a missing one is an error, not an empty directory", () => {
  const volumes = all.flatMap(([, it]) => it.volumes ?? []);
  expect(volumes.length).toBeGreaterThan(10);
  for (const volume of volumes) expect(volume).toMatchObject({ type: "bind", bind: { create_host_path: false } });
});

test("Redis: its files, its data, nothing of anyone else", () => {
  expect(mounts(service("redis"))).toMatchInlineSnapshot(`
    [
      "/usr/local/etc/redis/redis.conf <- /host/redis.conf ro",
      "/run/secrets/redis-auth.conf <- /host/redis-auth.conf ro",
      "/run/secrets/redis_password <- /host/redis-password ro",
      "/data <- /mnt/berth/redis",
    ]
  `);
  expect(service("redis").command).toEqual(["redis-server", "/usr/local/etc/redis/redis.conf", "--save", ""]);
});

test("Redis is healthy on PONG alone, with the password from its file", () => {
  expect(service("redis").healthcheck).toMatchInlineSnapshot(`
    {
      "interval": "10s",
      "retries": 3,
      "start_interval": "1s",
      "start_period": "120s",
      "test": [
        "CMD-SHELL",
        "REDISCLI_AUTH="$(cat /run/secrets/redis_password)" timeout 3 redis-cli ping | grep -qx PONG",
      ],
      "timeout": "5s",
    }
  `);
});

test("the start period of Redis covers the loading of its append-only file", () => {
  const { redis } = composeFile(stack({ redis: { loadSeconds: 300 } }), sources).services;
  expect(redis?.healthcheck).toMatchObject({ start_period: "300s", start_interval: "1s" });
});

test("Postgres: healthy over TCP, stopped fast, its data one level below the mount", () => {
  const { healthcheck, stop_signal, shm_size, environment } = service("postgres");
  expect(healthcheck).toMatchObject({ test: ["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "app", "-d", "app"] });
  expect({ stop_signal, shm_size, environment }).toMatchInlineSnapshot(`
    {
      "environment": {
        "PGDATA": "/var/lib/postgresql/data/pgdata",
        "POSTGRES_DB": "app",
        "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --data-checksums",
        "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
        "POSTGRES_USER": "app",
      },
      "shm_size": "128m",
      "stop_signal": "SIGINT",
    }
  `);
  expect(mounts(service("postgres"))).toEqual(["/run/secrets/postgres_password <- /host/postgres-password ro", "/var/lib/postgresql/data <- /mnt/berth/postgres"]);
});

test.each(["api", "worker", "migrate"])("%s waits until Redis and Postgres are healthy", (which) => {
  expect(service(which).depends_on).toEqual({ redis: { condition: "service_healthy" }, postgres: { condition: "service_healthy" } });
});

test("the API is healthy when it is ready; the worker when its heartbeat is fresh", () => {
  expect(service("api").healthcheck).toMatchObject({
    start_period: "180s",
    test: ["CMD", "node", "-e", 'fetch("http://127.0.0.1:3000/readyz", { signal: AbortSignal.timeout(4000) }).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))'],
  });
  expect(service("worker").healthcheck).toMatchObject({ test: ["CMD", "node", "health.js"], start_period: "180s" });
});

test("the worker yields the processors to everyone else, Redis to no one", () => {
  const shares = SERVICES.map((which): [string, number] => [which, service(which).cpu_shares ?? 0]).toSorted(([, a], [, b]) => b - a);
  expect(shares.at(0)).toEqual(["redis", 4096]);
  expect(shares.at(-1)).toEqual(["worker", 64]);
});

test("the verifier reads the two passwords as the application does, and none of the application's own secrets", () => {
  expect(mounts(service("verify"))).toEqual([
    "/berth/verify.mjs <- /host/verifier.mjs ro",
    "/berth/expect.json <- /host/expect.json ro",
    "/run/secrets/redis_password <- /host/app-redis_password ro",
    "/run/secrets/postgres_password <- /host/app-postgres_password ro",
  ]);
  expect(service("verify")).toMatchObject({ image: config.app.image, user: service("api").user, entrypoint: ["node"], command: ["/berth/verify.mjs"], restart: "no", profiles: ["verify"] });
});

test("the verifier runs in an image of its own when one is given", () => {
  expect(composeFile(stack({ verify: { image: "node:22.1.0" } }), sources).services["verify"]?.image).toBe("node:22.1.0");
});

test("a verifier without its passwords is said by name", () => {
  const { redis_password: _, ...app } = sources.app;
  expect(() => composeFile(config, { ...sources, app })).toThrowErrorMatchingInlineSnapshot(
    `[Error: rendering the verify service: required: the application's secret redis_password; found: postgres_password, SMTP_PASSWORD; add it to the sources]`,
  );
});

test("the proxy meets the API and nothing behind it", () => {
  const networks = Object.fromEntries(all.map(([which, it]) => [which, it.networks]));
  expect(networks).toEqual({
    redis: ["backend"], postgres: ["backend"], worker: ["backend"], migrate: ["backend"], verify: ["backend"],
    api: ["edge", "backend"], proxy: ["edge"],
  });
});
