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
      // As rendered for Pulumi.prod.yaml's maxmemory, less the password: that is one command a connection.
      writeFileSync(join(folder, "redis.conf"), redisConf({ maxmemoryMb: 448, maxclients: 1000, appendfsync: "everysec", authFile: null }));
      // The official image's defaults: snapshots, no append-only file.
      const stock = ["--protected-mode", "no", "--save", "3600 1 300 100 60 10000"];
      const ways: Readonly<Record<Way, readonly string[]>> = {
        berth: ["/bench/redis.conf", "--save", ""],
        stock,
        again: stock,
        none: ["--protected-mode", "no", "--save", "", "--appendonly", "no"],
      };
      return await measured({ docker: handle.docker, image, folder, ways }, { quick, say });
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await handle.close();
    }
  },
};

const WAYS = ["berth", "stock", "again", "none"] as const;
type Way = (typeof WAYS)[number];

interface Setup {
  readonly docker: Docker;
  readonly image: string;
  readonly folder: string;
  readonly ways: Readonly<Record<Way, readonly string[]>>;
}

/**
 * All ways stand beside each other and take turns of a second or less, in an order drawn for each round: what else the machine does, what the
 * client's compiler has learned, and what the turn before left to be flushed fall on each alike. Compared are the turns of one round; the median of their ratios is the figure.
 */
async function measured(setup: Setup, { quick, say }: Context): Promise<Figure[]> {
  const ends: (() => Promise<void>)[] = [];
  try {
    const queues: [Way, Turns][] = [];
    for (const way of WAYS) {
      const { host, end } = await startRedis(setup, way);
      ends.push(end);
      const turns = new Turns(host);
      ends.push(() => turns.close());
      queues.push([way, turns]);
    }
    const rates: Record<Way, number[]> = { berth: [], stock: [], again: [], none: [] };
    const rounds = quick ? 4 : 40;
    for (let round = -2; round < rounds; round += 1) {
      for (const [way, turns] of shuffled(queues)) {
        const rate = await turns.take(quick ? 500 : 4_000);
        // The first two are for the compiler.
        if (round >= 0) rates[way].push(rate);
      }
      if (round >= 0 && round % 10 === 9) say(`round ${round + 1} of ${rounds}: ${WAYS.map((way) => `${way} ${Math.round(median(rates[way]))}`).join(", ")} jobs/s`);
    }
    const by = (one: Way, other: Way): number => median(rates[one].map((rate, round) => rate / (rates[other][round] ?? Number.NaN)));
    return [
      told("jobs with Berth's settings (AOF, everysec)", median(rates.berth), "jobs/s"),
      told("jobs with the image's own settings (RDB snapshots)", median(rates.stock), "jobs/s"),
      told("jobs without any persistence", median(rates.none), "jobs/s"),
      told("the image's own by a second one of the same: the noise", by("again", "stock"), "x"),
      atLeast("Berth's by the image's own", by("berth", "stock"), "x", 1),
      atLeast("Berth's by none", by("berth", "none"), "x", 0.8),
    ];
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items.map((item) => ({ item, at: Math.random() })).toSorted((a, b) => a.at - b.at).map(({ item }) => item);
}

/** Asked by the container's own address, as the application asks it: a published port would put Docker's proxy, a third process on two cores, between. */
async function startRedis({ docker, image, folder, ways }: Setup, way: Way): Promise<{ host: string; end: () => Promise<void> }> {
  const name = `berth-bench-${process.pid}-${way}`;
  const end = async (): Promise<void> => {
    await docker.attempt(["rm", "--force", "--volumes", name]);
  };
  await docker(["run", "--detach", "--name", name, "--label", `berth.dev=bench-${process.pid}`, "--volume", `${folder}:/bench:ro`, image, "redis-server", ...ways[way]]);
  for (let tries = 0; (await docker.attempt(["exec", name, "redis-cli", "ping"])).stdout.trim() !== "PONG"; tries += 1) {
    if (tries === 300) {
      const { stdout } = await docker.attempt(["logs", "--tail", "3", name]);
      await end();
      throw new Error(`starting Redis with ${way}: PONG within 300 tries is required; it said: ${stdout}`);
    }
    await sleep(100);
  }
  return { host: (await docker(["inspect", "--format", "{{.NetworkSettings.IPAddress}}", name])).trim(), end };
}

/** A queue whose jobs do nothing, eight at a time. */
class Turns {
  readonly #queue: Bull.Queue;
  #left = 0;
  #finished: () => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  constructor(host: string) {
    this.#queue = new Bull("bench", { redis: { host, port: 6379 }, defaultJobOptions: { removeOnComplete: true } });
    this.#queue.process(8, () => {
      this.#left -= 1;
      if (this.#left === 0) this.#finished();
      return Promise.resolve();
    }).catch((error: unknown) => this.#failed(error as Error));
  }

  /** Add so many jobs while they are processed. @returns jobs a second, from the first added to the last done */
  async take(count: number): Promise<number> {
    this.#left = count;
    const finished = new Promise<void>((resolve, reject) => {
      this.#finished = resolve;
      this.#failed = reject;
    });
    const started = performance.now();
    for (let at = 0; at < count; at += 250) await Promise.all(Array.from({ length: Math.min(250, count - at) }, (_, index) => this.#queue.add({ index: at + index })));
    await finished;
    return count / ((performance.now() - started) / 1000);
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }
}
