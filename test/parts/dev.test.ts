import { type ChildProcess, spawn } from "node:child_process";
import { utimesSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { inUse } from "../../dev/ports.ts";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { freePort } from "../helpers/services.ts";

/** `npm run dev` as a person runs it, on ports that nobody has. */
const root = join(import.meta.dirname, "../..");
const PROJECT = `berth-dev-test-${process.pid}`;
const started: ChildProcess[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode === null) child.kill("SIGINT");
    await exitOf(child);
  }
  const docker = await reachableDocker();
  await docker.attempt(["volume", "rm", `${PROJECT}_redis`, `${PROJECT}_postgres`]);
});

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.once("exit", resolve);
  });
}

async function dev(args: readonly string[] = []) {
  const ports = { api: await freePort(), redis: await freePort(), postgres: await freePort() };
  const options = [`--project=${PROJECT}`, `--port=${ports.api}`, `--redis-port=${ports.redis}`, `--postgres-port=${ports.postgres}`, ...args];
  const child = spawn(process.execPath, ["--import", "tsx", "dev/dev.ts", ...options], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => said.push(text));
  return { child, ports, text: () => said.join("") };
}

test("--services-only: Redis and Postgres stay up until Ctrl-C", async () => {
  const { child, ports, text } = await dev(["--services-only"]);
  await expect.poll(text, { timeout: 240_000 }).toContain("Redis and Postgres are up");
  // It had ended by itself within a second: nothing held it.
  await sleep(3_000);
  expect([child.exitCode, await inUse(ports.redis), await inUse(ports.postgres), await inUse(ports.api)]).toEqual([null, true, true, false]);
  child.kill("SIGINT");
  expect(await exitOf(child)).toBe(0);
  expect([await inUse(ports.redis), await inUse(ports.postgres)]).toEqual([false, false]);
});

test("Redis, Postgres, API and worker come up, a changed source starts its process again, and one Ctrl-C stops everything", async () => {
  const { child, ports, text } = await dev();
  const asked = async (path: string, init?: RequestInit): Promise<Response> => fetch(`http://127.0.0.1:${ports.api}${path}`, init);
  await expect.poll(() => asked("/readyz").then(({ status }) => status, () => 0), { timeout: 240_000 }).toBe(200);
  // Host names as in production, made localhost by the runtime.
  expect(text()).toContain(`REDIS_URL=redis://redis:${ports.redis}\n`);
  // The API adds the job; the worker, a process of its own, does it.
  await expect.poll(() => asked("/ops/canary", { method: "POST" }).then((it) => it.json(), () => ({})), { timeout: 60_000 })
    .toMatchObject({ queues: { file: { ok: true }, email: { ok: true } } });

  await expect.poll(text, { timeout: 60_000 }).toContain("takes jobs");
  const before = text().split("takes jobs").length;
  utimesSync(join(root, "app/src/worker.ts"), new Date(), new Date());
  await expect.poll(() => text().split("takes jobs").length, { timeout: 60_000 }).toBe(before + 1);

  child.kill("SIGINT");
  expect(await exitOf(child)).toBe(0);
  expect(await Promise.all(Object.values(ports).map(inUse))).toEqual([false, false, false]);
  const docker = await reachableDocker();
  expect((await docker(["ps", "--all", "--quiet", "--filter", `name=${PROJECT}`])).trim()).toBe("");
}, 400_000);

test("a port that is taken is named, with the option that chooses another, before anything is started", async () => {
  const other = createServer();
  const port = await new Promise<number>((resolve) => {
    other.listen(0, "127.0.0.1", () => {
      const address = other.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  try {
    const { child, text } = await dev([`--redis-port=${port}`]);
    expect(await exitOf(child)).toBe(1);
    expect(text()).toContain(`Redis: port ${port} of this machine is required to be free, and something answers there; stop it, or choose another: npm run dev -- --redis-port=${port + 1000}`);
    expect(text()).not.toContain("cannot be pulled");
  } finally {
    other.close();
  }
});
