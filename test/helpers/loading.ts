import { setTimeout as sleep } from "node:timers/promises";
import { redisCli } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";

/** A Redis on the server whose append-only file takes seconds to load, and two watches of that time: Redis's own word and the application's. */

const LIST_MEMBERS = 100_000;
const MEMBERS_PER_PUSH = 400;
/** Redis looks after its clients once per 1024 commands while it loads: one slow command in each block keeps it answering. */
const COMMANDS_PER_BLOCK = 1_024;
const BLOCKS_PER_ROUND = 12;

/**
 * Have Redis itself write an append-only file whose replay costs this much of its CPU time, in seconds: ordinary keys, with a SORT … STORE in
 * every block of 1024 commands. What a command cost when it was given, it costs again when it is replayed.
 * @returns how many keys it left there
 */
export async function writeSlowAof(rehearsal: Rehearsal, cpuSeconds: number): Promise<number> {
  const members = Array.from({ length: LIST_MEMBERS }, (_, index) => String((index * 7919) % 1_000_003));
  const pushes: string[] = [];
  for (let from = 0; from < LIST_MEMBERS; from += MEMBERS_PER_PUSH) pushes.push(encode(["RPUSH", "slow:list", ...members.slice(from, from + MEMBERS_PER_PUSH)]));
  await pipe(rehearsal, pushes.join(""));
  const before = await cpuTime(rehearsal);
  let keys = 0;
  while ((await cpuTime(rehearsal)) - before < cpuSeconds) {
    const round: string[] = [];
    for (let block = 0; block < BLOCKS_PER_ROUND; block += 1) {
      round.push(encode(["SORT", "slow:list", "STORE", "slow:sorted"]));
      for (let command = 1; command < COMMANDS_PER_BLOCK; command += 1) round.push(encode(["SET", `bulk:${keys++}`, "value"]));
    }
    await pipe(rehearsal, round.join(""));
  }
  return keys;
}

async function pipe(rehearsal: Rehearsal, commands: string): Promise<void> {
  const input = encode(["AUTH", rehearsal.secrets.redisPassword]) + commands;
  const said = await rehearsal.exec(["docker", "exec", "--interactive", "berth-redis-1", "redis-cli", "--pipe"], { input, timeoutMs: 120_000 });
  if (!said.includes("errors: 0,")) throw new Error(`write to Redis: errors: 0 is required, found: ${said}`);
}

async function cpuTime(rehearsal: Rehearsal): Promise<number> {
  const info = await redisCli(rehearsal, "INFO cpu");
  return Number(/^used_cpu_user_main_thread:(.*)$/m.exec(info)?.[1]);
}

/** One answer, with the times before and after the question: milliseconds of the one clock that this machine and its stand-in servers share. */
interface Sample<T> {
  readonly asked: number;
  readonly answered: number;
  readonly value: T;
}

/** What Redis says of itself: `loading:1`, `loading:0`, or nothing. */
type RedisState = "loading" | "loaded" | "away";

/** What was seen from the start of a watch to its end. */
export interface Watched {
  readonly redis: readonly Sample<RedisState>[];
  /** Status codes of /readyz through the proxy; 0 where no answer came. */
  readonly readyz: readonly Sample<number>[];
}

/** 10 Hz. */
const PERIOD_MS = 100;
const STOP_FILE = "/run/berth-test-watch.stop";

/**
 * Ask Redis for its `loading`, and /readyz through the proxy, ten times a second each, through restarts of Redis and of the server.
 * Redis is asked from inside its container's network, over loopback: there it counts as a health check and not as a connection of the application.
 */
export class LoadingWatch {
  readonly #rehearsal: Rehearsal;
  readonly #redis: Sample<RedisState>[] = [];
  readonly #readyz: Sample<number>[] = [];
  readonly #ended = new AbortController();
  readonly #work: Promise<unknown>;

  constructor(rehearsal: Rehearsal) {
    this.#rehearsal = rehearsal;
    this.#work = Promise.all([this.#askRedis(), this.#askReadyz()]);
  }

  /** Until Redis was seen to load and to have loaded, and /readyz answered 200 after that; or the bound, in milliseconds. */
  async until200(boundMs: number): Promise<Watched> {
    const bound = Date.now() + boundMs;
    try {
      while (!this.#over()) {
        if (Date.now() > bound) throw new Error(`watch a start: loading, loaded and then 200 within ${boundMs / 1000} s are required; found Redis ${summary(this.#redis)}; /readyz ${summary(this.#readyz)}`);
        await sleep(PERIOD_MS);
      }
    } finally {
      await this.end();
    }
    return { redis: this.#redis.toSorted(byAsked), readyz: this.#readyz.toSorted(byAsked) };
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.#rehearsal.attempt(["touch", STOP_FILE]);
    await this.#work;
  }

  #over(): boolean {
    const loading = this.#redis.findLast((it) => it.value === "loading");
    const loaded = loading === undefined ? undefined : this.#redis.find((it) => it.value === "loaded" && it.asked > loading.answered);
    return loaded !== undefined && this.#readyz.some((it) => it.value === 200 && it.asked > loaded.answered);
  }

  async #askRedis(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      // Ends with the server, and is begun again with it.
      await this.#rehearsal.attempt(["python3", "-uc", ASK_REDIS], {
        input: `${this.#rehearsal.secrets.redisPassword}\n`,
        timeoutMs: 600_000,
        onLine: (line) => {
          const [asked, answered, value] = line.split(" ");
          if (value === "loading" || value === "loaded" || value === "away") this.#redis.push({ asked: Number(asked), answered: Number(answered), value });
        },
      });
      await sleep(PERIOD_MS);
    }
  }

  async #askReadyz(): Promise<void> {
    const asking = new Set<Promise<void>>();
    const url = `http://${this.#rehearsal.address}/readyz`;
    while (!this.#ended.signal.aborted) {
      const one = this.#askOnce(url).finally(() => asking.delete(one));
      asking.add(one);
      await sleep(PERIOD_MS);
    }
    await Promise.all(asking);
  }

  async #askOnce(url: string): Promise<void> {
    const asked = Date.now();
    let value = 0;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
      value = response.status;
      await response.arrayBuffer();
    } catch {
      // No answer: 0.
    }
    this.#readyz.push({ asked, answered: Date.now(), value });
  }
}

function byAsked(a: Sample<unknown>, b: Sample<unknown>): number {
  return a.asked - b.asked;
}

function summary(samples: readonly Sample<unknown>[]): string {
  const counts = new Map<unknown, number>();
  for (const { value } of samples) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts.size === 0 ? "never asked" : [...counts].map(([value, count]) => `${String(value)} × ${count}`).join(", ");
}

/** A process on the server that moves into the network of Redis's container, whichever that is at the moment. */
const ASK_REDIS = `
import os, socket, subprocess, sys, time

password = sys.stdin.readline().strip()
words = ["AUTH", password]
question = "*2\\r\\n" + "".join("$%d\\r\\n%s\\r\\n" % (len(word), word) for word in words) + "*2\\r\\n$4\\r\\nINFO\\r\\n$11\\r\\npersistence\\r\\n"

def enter():
    try:
        asked = subprocess.run(["docker", "inspect", "--format", "{{.State.Pid}}", "berth-redis-1"], capture_output=True, text=True, timeout=2)
        pid = int(asked.stdout or 0)
        if pid:
            network = os.open("/proc/%d/ns/net" % pid, os.O_RDONLY)
            os.setns(network, os.CLONE_NEWNET)
            os.close(network)
    except (OSError, ValueError, subprocess.SubprocessError):
        pass

def ask():
    try:
        with socket.create_connection(("127.0.0.1", 6379), timeout=2) as redis:
            redis.sendall(question.encode())
            answer = b""
            while b"loading:" not in answer or b"\\r\\n" not in answer.split(b"loading:", 1)[1]:
                more = redis.recv(65536)
                if not more:
                    return "away"
                answer += more
            return "loading" if b"\\r\\nloading:1\\r\\n" in answer else "loaded"
    except OSError:
        return "away"

enter()
while not os.path.exists("${STOP_FILE}"):
    asked = time.time()
    state = ask()
    print(int(asked * 1000), int(time.time() * 1000), state)
    if state == "away":
        enter()
    time.sleep(max(0, asked + 0.1 - time.time()))
os.unlink("${STOP_FILE}")
`;

/** Redis's own account of its last start. */
export interface LoadingLog {
  /** By "DB loaded from append only file", in seconds. */
  readonly seconds: number;
  /** When it began to serve, by its own clock, which is this machine's: epoch in milliseconds. `loading` became 0 just before, and no client was answered between. */
  readonly servingAt: number;
}

export async function loadingLog(rehearsal: Rehearsal): Promise<LoadingLog> {
  const log = await rehearsal.exec(["sh", "-c", "docker logs berth-redis-1 2>&1"]);
  const seconds = [...log.matchAll(/DB loaded from append only file: ([\d.]+) seconds/g)].at(-1)?.[1];
  const servingAt = [...log.matchAll(/^\d+:M (.*) \* Ready to accept connections tcp$/gm)].at(-1)?.[1];
  if (seconds === undefined || servingAt === undefined) throw new Error(`read Redis's log: a loading time and a start are required, found ${log.slice(-400)}`);
  return { seconds: Number(seconds), servingAt: Date.parse(`${servingAt} UTC`) };
}

/** What a watch proves, in milliseconds and counts. */
export interface LoadingVerdict {
  /** Samples of /readyz asked and answered while Redis was loading, by Redis's own samples. */
  readonly askedWhileLoading: number;
  /** Their rate, per second. */
  readonly rate: number;
  /** 200s that came after Redis had gone away, and before it served again by its own log. There must be none. */
  readonly tooEarly: readonly Sample<number>[];
  /** From Redis serving to the first 200. */
  readonly readyAfterMs: number;
}

export function judge({ redis, readyz }: Watched, log: LoadingLog): LoadingVerdict {
  const loading = redis.filter((it) => it.value === "loading");
  const [first, last] = [loading[0], loading.at(-1)];
  // A Redis that was there before answered until then; its 200s are its own.
  const old = redis.findLast((it) => first !== undefined && it.value === "loaded" && it.asked < first.asked);
  const gone = redis.find((it) => it.asked > (old?.answered ?? 0));
  if (first === undefined || last === undefined || gone === undefined) throw new Error(`judge a watch: samples of a loading Redis are required, found ${summary(redis)}`);
  // Redis's samples and its log speak of the same start: it still said loading before the one, and no more after the other.
  if (last.asked > log.servingAt || redis.some((it) => it.value === "loaded" && it.asked > first.answered && it.answered < log.servingAt)) {
    throw new Error(`judge a watch: Redis's answers and its log must agree; it served at ${log.servingAt}, and was loading from ${first.asked} to ${last.asked}`);
  }
  const during = readyz.filter((it) => it.asked >= first.answered && it.asked <= last.asked);
  const after = readyz.filter((it) => it.value === 200 && it.asked >= gone.answered);
  return {
    askedWhileLoading: during.length,
    rate: (during.length * 1000) / (last.asked - first.answered),
    tooEarly: after.filter((it) => it.answered < log.servingAt),
    readyAfterMs: Math.min(...after.filter((it) => it.answered >= log.servingAt).map((it) => it.answered)) - log.servingAt,
  };
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}
