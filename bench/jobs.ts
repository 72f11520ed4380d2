import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Bull from "bull";
import type { Docker } from "../rehearsal/docker/docker.ts";
import { ensureDocker } from "../rehearsal/docker/ensure.ts";
import { ensureImage } from "../rehearsal/images.ts";
import { redisConf } from "../src/redis/conf.ts";
import { atLeast, type Context, median, type Figure, type Part, told } from "./figure.ts";

/** What durability costs: jobs through a Bull queue, added and done, with three ways to configure the same Redis. */
export const jobs: Part = {
  name: "jobs",
  about: "jobs a second through Bull: Berth's Redis settings, the image's own, no persistence",
  run: async ({ quick, say }) => {
    const handle = await ensureDocker(say);
    const folder = mkdtempSync(join(tmpdir(), "berth-bench-"));
    try {
      // Redis reads it as a user of its own.
      chmodSync(folder, 0o755);
      const image = await ensureImage("redis", { docker: handle.docker, log: say });
      // As rendered, less the password: that is one command a connection.
      writeFileSync(join(folder, "redis.conf"), redisConf({ maxmemoryMb: 448, maxclients: 1000, appendfsync: "everysec", authFile: null }));
      const ways: Readonly<Record<Way, readonly string[]>> = {
        berth: ["/bench/redis.conf", "--save", ""],
        // The official image's defaults: snapshots, no append-only file.
        stock: ["--protected-mode", "no", "--save", "3600 1 300 100 60 10000"],
        none: ["--protected-mode", "no", "--save", "", "--appendonly", "no"],
      };
      return await measured({ docker: handle.docker, image, folder, ways }, { quick, say });
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await handle.close();
    }
  },
};

const WAYS = ["berth", "stock", "none"] as const;
type Way = (typeof WAYS)[number];

interface Setup {
  readonly docker: Docker;
  readonly image: string;
  readonly folder: string;
  readonly ways: Readonly<Record<Way, readonly string[]>>;
}

async function measured(setup: Setup, { quick, say }: Context): Promise<Figure[]> {
  const rates: Record<Way, number[]> = { berth: [], stock: [], none: [] };
  const rounds = quick ? 1 : 5;
  for (let round = 0; round < rounds; round += 1) {
    for (const way of WAYS) {
      const rate = await withRedis(setup, way, (port) => jobsPerSecond(port, quick ? 2_000 : 15_000));
      say(`round ${round + 1} of ${rounds}, ${way}: ${Math.round(rate)} jobs/s`);
      rates[way].push(rate);
    }
  }
  const [berth, stock, none] = [median(rates.berth), median(rates.stock), median(rates.none)];
  return [
    told("jobs with Berth's settings (AOF, everysec)", berth, "jobs/s"),
    told("jobs with the image's own settings (RDB snapshots)", stock, "jobs/s"),
    told("jobs without any persistence", none, "jobs/s"),
    // A difference below the noise of the same setup measured twice is none.
    atLeast("Berth's by the image's own", berth / stock, "x", 0.97),
    atLeast("Berth's by none", berth / none, "x", 0.8),
  ];
}

async function withRedis<T>({ docker, image, folder, ways }: Setup, way: Way, use: (port: number) => Promise<T>): Promise<T> {
  const name = `berth-bench-${process.pid}-${way}`;
  await docker(["run", "--detach", "--name", name, "--label", `berth.dev=bench-${process.pid}`, "--publish", "127.0.0.1::6379", "--volume", `${folder}:/bench:ro`, image, "redis-server", ...ways[way]]);
  try {
    const port = Number((await docker(["port", name, "6379/tcp"])).trim().split(":").at(-1));
    for (let tries = 0; (await docker.attempt(["exec", name, "redis-cli", "ping"])).stdout.trim() !== "PONG"; tries += 1) {
      if (tries === 300) throw new Error(`starting Redis with ${way}: PONG within 300 tries is required; it said: ${(await docker.attempt(["logs", "--tail", "3", name])).stdout}`);
      await sleep(100);
    }
    return await use(port);
  } finally {
    await docker.attempt(["rm", "--force", "--volumes", name]);
  }
}

/** Add so many jobs while they are processed, eight at a time; from the first added to the last done. */
async function jobsPerSecond(port: number, count: number): Promise<number> {
  const options = { redis: { host: "127.0.0.1", port }, defaultJobOptions: { removeOnComplete: true } };
  const queue = new Bull("bench", options);
  let done = 0;
  const started = performance.now();
  const finished = new Promise<void>((resolve, reject) => {
    queue.process(8, () => {
      done += 1;
      if (done === count) resolve();
      return Promise.resolve();
    }).catch(reject);
  });
  for (let at = 0; at < count; at += 250) await Promise.all(Array.from({ length: Math.min(250, count - at) }, (_, index) => queue.add({ index: at + index })));
  await finished;
  const rate = count / ((performance.now() - started) / 1000);
  await queue.close();
  return rate;
}
