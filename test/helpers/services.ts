import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Client } from "pg";
import type { Docker } from "../../rehearsal/docker/docker.ts";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { ensureImage } from "../../rehearsal/images.ts";

/** A real Redis or Postgres in a container, reached over loopback. */
export interface RunningService {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Id of the container. */
  readonly container: string;
  /** Remove the container and its data. May be called twice. */
  stop(): Promise<void>;
}

export interface RedisOptions {
  /** Arguments of redis-server. By default neither snapshots nor an append-only file. */
  readonly args?: readonly string[];
  readonly password?: string;
  /** Port on 127.0.0.1; by default any free one. */
  readonly port?: number;
  /** What /data holds at the start: the content of this directory, copied. */
  readonly dataDir?: string;
  /** Port that it listens on in its container; 6379. */
  readonly inside?: number;
  /** Do not wait until it answers: for those who watch it start. */
  readonly wait?: boolean;
}

const HOST = "127.0.0.1";
const READY_MS = 60_000;
const running = new Set<RunningService>();

export async function startRedis({ args = ["--save", "", "--appendonly", "no"], password, port, dataDir, inside = 6379, wait = true }: RedisOptions = {}): Promise<RunningService> {
  const docker = await reachableDocker();
  const image = await ensureImage("redis", { docker });
  const secret = password === undefined ? [] : ["--requirepass", password];
  const user = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  const service = await start(docker, {
    inside,
    // Published on loopback only; Redis itself sees Docker's bridge, and would refuse it without a password.
    run: [image, "redis-server", "--protected-mode", "no", ...args, ...secret],
    url: (at) => `redis://${user}${HOST}:${at}`,
    ...(port === undefined ? {} : { port }),
    ...(dataDir === undefined ? {} : { copy: [`${dataDir}/.`, "/data"] }),
  });
  if (wait) await orStop(service, () => redisAnswers(service.url));
  return service;
}

/** Postgres with the user, the database and the password `app`. */
export async function startPostgres(): Promise<RunningService> {
  const docker = await reachableDocker();
  const image = await ensureImage("postgres", { docker });
  const environment = ["POSTGRES_USER=app", "POSTGRES_DB=app", "POSTGRES_PASSWORD=app"].flatMap((it) => ["--env", it]);
  // Nothing here outlives the test, so nothing is flushed to the disk.
  const service = await start(docker, { inside: 5432, run: [...environment, image, "postgres", "-c", "fsync=off"], url: (port) => `postgres://app:app@${HOST}:${port}/app` });
  await orStop(service, () => postgresAnswers(service.url));
  return service;
}

/** A port on loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

interface Start {
  /** Port inside the container. */
  readonly inside: number;
  readonly port?: number;
  /** Options, image and command. */
  readonly run: readonly string[];
  /** From a path here to one in the container. */
  readonly copy?: readonly [string, string];
  readonly url: (port: number) => string;
}

async function start(docker: Docker, { inside, port, run, copy, url }: Start): Promise<RunningService> {
  const name = `berth-test-${randomBytes(6).toString("hex")}`;
  const remove = async (): Promise<void> => {
    await docker.attempt(["rm", "--force", "--volumes", name]);
  };
  try {
    const container = (await docker(["create", "--name", name, "--label", `berth.test=${process.pid}`, "--publish", `${HOST}:${port ?? ""}:${inside}`, ...run])).trim();
    if (copy !== undefined) await docker(["cp", copy[0], `${name}:${copy[1]}`]);
    await docker(["start", name]);
    const published = (await docker(["port", name, `${inside}/tcp`])).trim();
    const at = Number(published.split("\n")[0]?.split(":").at(-1));
    if (!Number.isInteger(at)) throw new Error(`starting a service for a test: a published port is required, docker port said ${JSON.stringify(published)}`);
    const service: RunningService = {
      host: HOST,
      port: at,
      url: url(at),
      container,
      stop: async () => {
        if (running.delete(service)) await remove();
      },
    };
    running.add(service);
    return service;
  } catch (error) {
    await remove();
    throw error;
  }
}

async function orStop(service: RunningService, answers: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    try {
      return await answers();
    } catch (error) {
      if (Date.now() > deadline) {
        const { stdout, stderr } = await (await reachableDocker()).attempt(["logs", "--tail", "20", service.container]);
        await service.stop();
        throw new Error(`the service did not answer within ${READY_MS / 1000} s: ${String(error)}\n${stdout}${stderr}`, { cause: error });
      }
      await sleep(100);
    }
  }
}

async function redisAnswers(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
}

async function postgresAnswers(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
  } finally {
    await client.end().catch(() => undefined);
  }
}
