import { containerIds, redisCli } from "../rehearsal/observe.ts";
import { Rehearsal } from "../rehearsal/rehearsal.ts";
import { Steps } from "../rehearsal/steps.ts";
import { SERVICES } from "../src/config/roles.ts";
import type { Report } from "../src/verify/types.ts";
import { atMost, type Context, type Figure, median, type Part, told } from "./figure.ts";
import { LOADS } from "./loads.ts";

/** A worker that burns every core beside Redis and the API: with the CPU weights of the rendered Compose file, and without. */
export const isolation: Part = {
  name: "isolation",
  about: "Redis and API beside a worker that burns every core, with and without CPU weights; a leak",
  run: async (context) => {
    const rehearsal = await Rehearsal.start({ steps: new Steps(process.stderr), engine: "in-process" });
    try {
      context.say("first deployment");
      await rehearsal.up();
      return [...(await contention(rehearsal, context)), ...(await leak(rehearsal))];
    } finally {
      await rehearsal.close();
    }
  },
};

/** Docker's default, which is what a Compose file without weights gives. */
const NO_WEIGHT = 1024;

interface Seen {
  readonly redis: number[];
  readonly api: number[];
}

async function contention(rehearsal: Rehearsal, { quick, say }: Context): Promise<Figure[]> {
  for (const { prepare } of LOADS) await prepare(rehearsal);
  const ids = await containerIds(rehearsal);
  const weights = await sharesOf(rehearsal, ids);
  const none = Object.fromEntries(SERVICES.map((name) => [name, NO_WEIGHT]));
  const situations = [
    { name: "idle", shares: weights, load: undefined },
    ...LOADS.flatMap((load) => [{ name: `${load.name}, weights`, shares: weights, load }, { name: `${load.name}, no weights`, shares: none, load }]),
  ];
  const seen = new Map<string, Seen>(situations.map(({ name }) => [name, { redis: [], api: [] }]));
  const rounds = quick ? 1 : 5;
  for (let round = 1; round <= rounds; round += 1) {
    for (const { name, shares, load } of situations) {
      await setShares(rehearsal, ids, shares);
      const end = await load?.start(rehearsal);
      try {
        const [redis, api] = [await redisP99(rehearsal, weights["api"] ?? NO_WEIGHT, quick), await apiP99(rehearsal, quick)];
        say(`round ${round} of ${rounds}, ${name}: Redis p99 ${redis} ms, API p99 ${api.toFixed(1)} ms`);
        seen.get(name)?.redis.push(redis);
        seen.get(name)?.api.push(api);
      } finally {
        await end?.();
      }
    }
  }
  await setShares(rehearsal, ids, weights);
  const of = (kind: keyof Seen, name: string): number => median(seen.get(name)?.[kind] ?? []);
  const told99 = (kind: keyof Seen, title: string): Figure[] => situations.map(({ name }) => told(`${title} p99, ${name}`, of(kind, name), "ms"));
  const idle = { redis: of("redis", "idle"), api: of("api", "idle") };
  const worst = LOADS.filter(({ everyCore }) => everyCore);
  return [
    ...told99("redis", "Redis"),
    ...worst.flatMap(({ name }) => [
      atMost("Redis: weights by no weights", of("redis", `${name}, weights`) / of("redis", `${name}, no weights`), "x", 0.25),
      told("Redis: weights by idle (aim 2)", of("redis", `${name}, weights`) / idle.redis, "x"),
    ]),
    ...told99("api", "API"),
    ...worst.map(({ name }) => atMost("API: weights by idle", of("api", `${name}, weights`) / idle.api, "x", 3)),
  ];
}

async function sharesOf(rehearsal: Rehearsal, ids: Readonly<Record<string, string>>): Promise<Record<string, number>> {
  const entries = SERVICES.map(async (name) => [name, Number(await rehearsal.exec(["docker", "inspect", "--format", "{{.HostConfig.CpuShares}}", ids[name] ?? ""]))] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function setShares(rehearsal: Rehearsal, ids: Readonly<Record<string, string>>, shares: Readonly<Record<string, number>>): Promise<void> {
  for (const name of SERVICES) await rehearsal.exec(["docker", "update", "--cpu-shares", String(shares[name] ?? NO_WEIGHT), ids[name] ?? ""]);
}

/** SET by 12 clients, as many as an API and a worker on two queues may hold, with the API's weight: what the application meets. */
async function redisP99(rehearsal: Rehearsal, apiShares: number, quick: boolean): Promise<number> {
  const image = (await rehearsal.exec(["docker", "inspect", "--format", "{{.Config.Image}}", "berth-redis-1"])).trim();
  // redis-benchmark takes the password by -a alone, which shows on a command line: of a stand-in's own, made for this run.
  const script = `exec redis-benchmark -a "$(cat)" -h redis -c 12 -n ${quick ? 20_000 : 200_000} -t set -d 100 --csv`;
  const out = await rehearsal.exec(
    ["docker", "run", "--rm", "--interactive", "--network", "berth_backend", "--cpu-shares", String(apiShares), "--entrypoint", "sh", image, "-c", script],
    { input: rehearsal.secrets.redisPassword, timeoutMs: 300_000 },
  );
  const line = out.split("\n").find((it) => it.startsWith('"SET"')) ?? "";
  // "test","rps","avg","min","p50","p95","p99","max", latencies in ms
  const p99 = Number(line.split(",")[6]?.replaceAll('"', ""));
  if (!Number.isFinite(p99)) throw new Error(`redis-benchmark: a line of figures for SET is required, found: ${out.slice(0, 300)}`);
  return p99;
}

/** GET /readyz, which asks Redis and Postgres: 100 a second, asked from a process that the burning does not slow. */
const ASK = `
const { request, Agent } = require("node:http");
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
const count = Number(process.argv[1]);
const times = [];
let left = count;
const one = () => {
  const from = performance.now();
  request({ host: "api", port: 3000, path: "/readyz", agent }, (answer) => {
    answer.resume().on("end", () => { times.push(performance.now() - from); if (--left === 0) end(); });
  }).on("error", (error) => { console.error(error.message); process.exit(1); }).end();
};
const end = () => { times.sort((a, b) => a - b); console.log(times[Math.ceil(0.99 * count) - 1]); process.exit(0); };
let sent = 0;
const timer = setInterval(() => { one(); if (++sent === count) clearInterval(timer); }, 10);
`;
/** Stands for another machine: what asks is not what is measured. */
const OUTSIDE_SHARES = 262_144;

async function apiP99(rehearsal: Rehearsal, quick: boolean): Promise<number> {
  const image = (await rehearsal.exec(["docker", "inspect", "--format", "{{.Config.Image}}", "berth-api-1"])).trim();
  const out = await rehearsal.exec(
    ["docker", "run", "--rm", "--network", "berth_backend", "--cpu-shares", String(OUTSIDE_SHARES), "--entrypoint", "node", image, "-e", ASK, String(quick ? 200 : 1_500)],
    { timeoutMs: 300_000 },
  );
  return Number(out.trim());
}

/** What `berth verify` takes beside the window, in seconds: its container, and what Docker and the kernel say. */
const START_AND_JUDGEMENT = 5;

/** A connection that nobody declared, opened in the API's container; how long until the verification has found it. */
async function leak(rehearsal: Rehearsal): Promise<Figure[]> {
  const before = new Set((await redisCli(rehearsal, "CLIENT LIST")).split("\n").map((line) => line.split(" ")[0]));
  const open = 'const s=require("node:net").connect(6379,"redis");s.on("connect",()=>s.write("AUTH "+require("node:fs").readFileSync(process.env.REDIS_PASSWORD_FILE,"utf8").trim()+"\\r\\n"));s.resume()';
  await rehearsal.exec(["docker", "exec", "--detach", "berth-api-1", "node", "--title=bench-leak", "-e", open]);
  while ((await redisCli(rehearsal, "CLIENT LIST")).split("\n").every((line) => before.has(line.split(" ")[0]) || line.includes("addr=127.0.0.1"))) await new Promise((resolve) => setTimeout(resolve, 200));
  const opened = performance.now();
  const { stdout } = await rehearsal.attempt(["/opt/berth/scripts/current/berth", "verify", "--json"], { timeoutMs: 180_000 });
  const seconds = (performance.now() - opened) / 1000;
  const report = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Report;
  await rehearsal.attempt(["pkill", "-KILL", "-f", "bench-leak"]);
  const found = report.checks.some(({ id, status }) => id.startsWith("connections.") && status === "fail");
  if (!found) throw new Error("a leaked connection: a failed check of connections is required, found none");
  // The rehearsal keeps verify.settleSeconds at its default, 45.
  return [atMost("a leaked connection is found: settle window, start and judgement", seconds, "s", 45 + START_AND_JUDGEMENT)];
}
