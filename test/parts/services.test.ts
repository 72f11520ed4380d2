import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { ensureImage } from "../../rehearsal/images.ts";
import { postgres } from "../../src/compose/postgres.ts";
import { proxy } from "../../src/compose/proxy.ts";
import { redis } from "../../src/compose/redis.ts";
import type { Service } from "../../src/compose/model.ts";
import type { Config } from "../../src/config/schema.ts";
import { caddyfile } from "../../src/host/caddyfile.ts";
import { redisConf, redisRunningConfig } from "../../src/redis/conf.ts";
import { redisSettings } from "../../src/redis/settings.ts";
import { secretFiles } from "../../src/release/secrets.ts";
import { ServiceContainer } from "../helpers/service-container.ts";
import { sources, stack } from "../helpers/stack.ts";

/** The rendered services on a real Docker: with the user, the capabilities and the read-only root that production gives them. */
let box: ServiceContainer;
let config: Config;

beforeAll(async () => {
  box = new ServiceContainer(await reachableDocker());
  const [redisImage, postgresImage, proxyImage] = [await ensureImage("redis"), await ensureImage("postgres"), await ensureImage("caddy")];
  config = stack({ secrets: { redisPassword: "planted-7Gq2" }, redis: { image: redisImage }, postgres: { image: postgresImage }, proxy: { image: proxyImage } });
});
afterAll(async () => {
  await box.close();
});

function file(path: string, text: string): string {
  box.lay({ path, mode: "0644", uid: 0, gid: 0, text });
  return path;
}

/** Sources that are laid down below the scratch directory. */
function laid() {
  const secrets = secretFiles(config);
  for (const entry of secrets.entries) box.lay(entry);
  return {
    ...sources,
    redisAuth: secrets.redisAuth,
    redisPassword: secrets.redisPassword,
    postgresPassword: secrets.postgresPassword,
    redisConf: file("/files/redis.conf", redisConf(redisSettings(config, "/run/secrets/redis-auth.conf"))),
    caddyfile: file("/files/Caddyfile", caddyfile(config)),
  };
}

describe("Redis", () => {
  let service: Service;
  let id = "";
  let data = "";
  beforeAll(async () => {
    service = redis(config, laid());
    data = box.data("/mnt/berth/redis", config.redis.uid);
    id = await box.run(service);
    await box.healthy(id, service);
  });

  test("its running configuration is the one the verifier will expect", async () => {
    const answer = await box.docker(["exec", id, "sh", "-c", 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli --json CONFIG GET "*"']);
    const running = z.record(z.string(), z.string()).parse(JSON.parse(answer));
    const expected = redisRunningConfig(config);
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, running[name]]))).toEqual(expected);
  });

  test("redis-cli without the password exits 0 and is no PONG: why the health check asks for the word", async () => {
    const bare = await box.docker.attempt(["exec", id, "sh", "-c", "redis-cli ping"]);
    expect(bare).toMatchObject({ code: 0, stdout: expect.stringContaining("NOAUTH") });
    const wrong = await box.docker.attempt(["exec", id, "sh", "-c", "REDISCLI_AUTH=wrong timeout 3 redis-cli ping 2>/dev/null | grep -qx PONG"]);
    expect(wrong.code).toBe(1);
  });

  test("the password is in no argument and no environment that Docker shows", async () => {
    const shown = await box.docker(["inspect", id]);
    const processes = await box.docker(["top", id, "-eo", "pid,args"]);
    expect(processes).toContain("redis-server");
    expect([shown, processes].map((text) => text.includes("planted-7Gq2"))).toEqual([false, false]);
  });

  test("stops at once and clean, and has its data again", async () => {
    const ask = (command: string) => box.docker(["exec", id, "sh", "-c", `REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli ${command}`]);
    await ask("SET job 1");
    await box.docker(["stop", "--time", "10", id]);
    expect((await box.docker(["inspect", "--format", "{{.State.ExitCode}}", id])).trim()).toBe("0");
    expect(existsSync(join(data, "dump.rdb"))).toBe(false);
    await box.docker(["start", id]);
    await box.healthy(id, service);
    expect((await ask("GET job")).trim()).toBe("1");
  });

  test("refuses to start on a dump without an append-only file, and touches nothing", async () => {
    await box.docker(["stop", "--time", "10", id]);
    const aside = join(box.directory, "appendonlydir");
    renameSync(join(data, "appendonlydir"), aside);
    writeFileSync(join(data, "dump.rdb"), "REDIS");
    await box.docker(["start", id]);
    await box.docker(["wait", id]);
    expect(await box.logs(id)).toContain("berth: Redis not started: dump.rdb is there without an append-only file");
    expect(existsSync(join(data, "appendonlydir"))).toBe(false);
    // An empty directory is no append-only file either.
    mkdirSync(join(data, "appendonlydir"));
    await box.docker(["start", id]);
    expect((await box.docker(["wait", id])).trim()).toBe("1");
  });
});

describe("Postgres", () => {
  test("initialises, answers over TCP with the password, and shuts down fast with a client connected", async () => {
    const service = postgres(config, laid());
    box.data("/mnt/berth/postgres", config.postgres.uid);
    const id = await box.run(service);
    await box.healthy(id, service);
    const ask = (password: string) => box.docker.attempt(["exec", "--env", `PGPASSWORD=${password}`, id, "psql", "-h", "127.0.0.1", "-U", "app", "-d", "app", "-Atc", "SHOW max_connections"]);
    expect(await ask(config.secrets.postgresPassword.reveal())).toMatchObject({ code: 0, stdout: "50\n" });
    expect(await ask("wrong")).toMatchObject({ code: 2, stderr: expect.stringContaining("password authentication failed") });
    await box.docker(["exec", "--detach", id, "psql", "-U", "app", "-d", "app", "-c", "SELECT pg_sleep(60)"]);
    const started = performance.now();
    await box.docker(["stop", "--time", "30", id]);
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(await box.logs(id)).toContain("received fast shutdown request");
    expect((await box.docker(["inspect", "--format", "{{.State.ExitCode}}", id])).trim()).toBe("0");
  });
});

describe("the proxy", () => {
  test("binds port 80 as a user, answers its health check, and ends the operators' paths", async () => {
    const service = proxy(config, laid());
    box.data("/mnt/berth/caddy", config.proxy.uid);
    const id = await box.run(service, ["--add-host", "api:127.0.0.1"]);
    await box.healthy(id, service);
    const status = async (path: string): Promise<string> => {
      const { stderr } = await box.docker.attempt(["exec", id, "wget", "-S", "-q", "-O", "/dev/null", "-T", "10", `http://127.0.0.1${path}`]);
      return /HTTP\/1\.1 (\d+)/.exec(stderr)?.[1] ?? stderr;
    };
    for (const path of ["/ops", "/ops/queue", "//ops/queue", "/OPS/queue", "/%6fps/queue"]) expect(`${path} ${await status(path)}`).toBe(`${path} 404`);
    // The API comes two seconds late; the request waits for it.
    await box.docker(["exec", "--detach", id, "sh", "-c", `sleep 2; exec caddy respond --listen 127.0.0.1:${config.app.port} late`]);
    expect(await status("/jobs")).toBe("200");
  });

  test("without its one capability the kernel refuses to execute it: why it is given", async () => {
    const { cap_add: _, ...bare } = proxy(config, laid());
    const id = await box.run(bare);
    expect((await box.docker(["wait", id])).trim()).not.toBe("0");
    expect(await box.logs(id)).toMatch(/operation not permitted/i);
  });
});
