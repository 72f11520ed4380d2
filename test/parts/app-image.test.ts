import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import type { Docker } from "../../rehearsal/docker/docker.ts";
import { ensureImage } from "../../rehearsal/images.ts";
import { BundledApp } from "../helpers/app-process.ts";

/** The image, run as production runs it: user 1000, read-only root, no capability, nothing writable but /tmp. */
const HARDENED = ["--read-only", "--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--tmpfs", "/tmp:mode=1777"];
const tag = `berth-test/app:${process.pid}`;
let docker: Docker;
let app: BundledApp;
let container = "";

beforeAll(async () => {
  docker = await reachableDocker();
  app = await BundledApp.build();
  const context = join(app.directory, "..");
  for (const file of ["Dockerfile", ".dockerignore"]) copyFileSync(join(import.meta.dirname, "../../app", file), join(context, file));
  const node = await ensureImage("node", { docker });
  // `--network none`: nothing is fetched while it is built.
  await docker(["build", "--quiet", "--network", "none", "--build-arg", `NODE_IMAGE=${node}`, "--build-arg", "VERSION=9.8.7", "--tag", tag, context], { timeoutMs: 120_000 });
});
afterAll(async () => {
  if (container !== "") await docker.attempt(["rm", "--force", "--volumes", container]);
  await docker.attempt(["rmi", tag]);
  await app?.close();
});

test("runs read-only as user 1000, answers with its version, and waits for a Redis that is not there", async () => {
  const environment = ["NODE_ENV=production", "BERTH_PROCESS=api", "REDIS_URL=redis://127.0.0.1:1", "DATABASE_URL=postgres://app@127.0.0.1:1/app"].flatMap((it) => ["--env", it]);
  container = (await docker(["run", "--detach", "--label", `berth.test=${process.pid}`, "--init", ...HARDENED, ...environment, tag])).trim();
  const script = `Promise.all(["/", "/healthz", "/readyz"].map(async (path) => {
    const answer = await fetch("http://127.0.0.1:3000" + path);
    return [path, answer.status, await answer.json()];
  })).then((answers) => console.log(JSON.stringify(answers)), () => process.exit(1))`;
  const ask = async (): Promise<unknown> => JSON.parse((await docker.attempt(["exec", container, "node", "-e", script])).stdout || "null") as unknown;
  await expect.poll(ask, { timeout: 20_000, interval: 200 }).toEqual([
    ["/", 200, { name: "berth-app", version: "9.8.7" }],
    ["/healthz", 200, { ok: true }],
    ["/readyz", 503, { ready: false, parts: { startup: "waiting for Redis and Postgres" } }],
  ]);
  expect((await docker(["exec", container, "ls", "/app"])).trim().split("\n")).toEqual(["api.js", "health.js", "migrate.js", "worker.js"]);
  await docker(["stop", "--time", "10", container]);
  expect((await docker(["inspect", "--format", "{{.State.ExitCode}}", container])).trim()).toBe("0");
});

test("its health check says that no worker has reached Redis here", async () => {
  const { code, stdout } = await docker.attempt(["run", "--rm", "--label", `berth.test=${process.pid}`, ...HARDENED, tag, "node", "health.js"]);
  expect([code, stdout.trim()]).toEqual([1, "no beat yet (/tmp/berth-worker-alive is missing): the worker has not reached Redis"]);
});
