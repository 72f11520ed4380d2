import { lookup, Resolver } from "node:dns/promises";
import { waitForRedisReady } from "berth-runtime";
import { Redis } from "ioredis";
import { type Client, parseClientList } from "../redis/clients.ts";
import { parseInfo } from "../redis/info.ts";
import { PROCESSES } from "./checks/connections.ts";
import { type Fact, known, notKnown } from "./fact.ts";
import type { Seen } from "./seen.ts";
import { asExpected, settle } from "./settle.ts";
import { messageOf, sleep, within } from "./time.ts";
import type { Expectations } from "./types.ts";

/** Looks at Redis over one connection, from the application's network and with the application's password. */

const COMMAND_MS = 5000;
/** However late Redis became ready, connections get this long to settle. */
const LEAST_SETTLE_MS = 10_000;

export function connectRedis(url: string, password: string): Redis {
  const client = new Redis(url, {
    ...(password === "" ? {} : { password }),
    connectionName: "verify:client",
    connectTimeout: COMMAND_MS,
    commandTimeout: COMMAND_MS,
    retryStrategy: () => 200,
    // Asks again whether loading is over this often at least; ioredis's own choice is ten seconds.
    maxLoadingRetryTime: 500,
  });
  // Whoever waits hears of it; unheard, ioredis prints it to standard error, into the table.
  client.on("error", () => undefined);
  return client;
}

export interface RedisFacts {
  readonly redis: Seen["redis"];
  readonly settleMs: number;
}

/**
 * Waits until Redis is ready, then until the connections have settled, and reads what there is to read.
 *
 * @param deadline when the settle window ends, in milliseconds of `Date.now()`
 * @param steady whether nothing is under way that may open a connection
 */
export async function gatherRedis(client: Redis, expectations: Expectations, deadline: number, steady: () => boolean): Promise<RedisFacts> {
  const start = Date.now();
  const ready = await attempt(async () => {
    await waitForRedisReady(client, { timeout: Math.max(1000, deadline - start) });
    return Date.now() - start;
  });
  if (!ready.known) {
    const nothing = notKnown(`Redis was not ready: ${ready.why}`);
    // INFO is answered while LOADING, and says how long that will take.
    return { redis: { ready, info: await attempt(() => readInfo(client)), config: nothing, clients: nothing, heartbeatTtlMs: nothing }, settleMs: 0 };
  }
  const windowMs = Math.max(LEAST_SETTLE_MS, deadline - Date.now());
  let settleMs = 0;
  const clients = await attempt(async () => {
    const result = await settle({
      poll: () => listClients(client),
      expected: async (list) => asExpected(list, await processAddresses(), expectations),
      steady,
      windowMs,
      now: Date.now,
      sleep,
    });
    settleMs = result.ms;
    return result.clients;
  });
  const [info, config, heartbeatTtlMs] = await Promise.all([
    attempt(() => readInfo(client)),
    attempt(() => readConfig(client, expectations)),
    expectations.heartbeat === null ? notKnown("no heartbeat is expected") : attempt(ttlOf(client, expectations.heartbeat.key)),
  ]);
  return { redis: { ready, info, config, clients, heartbeatTtlMs }, settleMs };
}

/** What is known of a Redis that was not looked at. */
export function noRedis(why: string): RedisFacts {
  const nothing = notKnown(why);
  return { redis: { ready: nothing, info: nothing, config: nothing, clients: nothing, heartbeatTtlMs: nothing }, settleMs: 0 };
}

function ttlOf(client: Redis, key: string): () => Promise<number> {
  return () => client.pttl(key);
}

async function attempt<T>(look: () => Promise<T>): Promise<Fact<T>> {
  try {
    return known(await look());
  } catch (error) {
    return notKnown(messageOf(error));
  }
}

async function readInfo(client: Redis) {
  return parseInfo(await within(COMMAND_MS, "INFO", client.info("everything")));
}

/** The parameters that a check looks at besides the release's own. */
const ALSO = ["dir", "save", "maxmemory-policy"];

async function readConfig(client: Redis, { redis }: Expectations): Promise<ReadonlyMap<string, string>> {
  const names = [...new Set([...Object.keys(redis.config), ...ALSO])];
  const answer: unknown = await client.call("CONFIG", "GET", ...names);
  if (!Array.isArray(answer)) throw new Error("CONFIG GET: required: a list");
  const words = answer.map(String);
  return new Map(words.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, words[index + 1] ?? ""]] : [])));
}

/** CLIENT LIST without this connection, known by its id: after a reconnect it is another. */
async function listClients(client: Redis): Promise<Client[]> {
  const [self, list] = await Promise.all([client.call("CLIENT", "ID"), client.call("CLIENT", "LIST")]);
  return parseClientList(String(list)).filter(({ id }) => id !== String(self));
}

/** Addresses of the running processes by Docker's name service; empty where no name service knows them. */
async function processAddresses(): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.all(PROCESSES.map(async (process): Promise<[string, string][]> => {
    try {
      return (await within(1000, process, lookup(process, { all: true }))).map(({ address }) => [address, process]);
    } catch {
      return []; // not running, or no such name service
    }
  }));
  return new Map(found.flat());
}

/** Names of containers by address, as Docker's name service tells them: `name.network`. Unanswered addresses are left out. */
export async function reverseNames(addresses: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  const found = await Promise.all([...new Set(addresses)].map(async (address): Promise<[string, string][]> => {
    try {
      const [name] = await within(1500, address, resolver.reverse(address));
      return name === undefined ? [] : [[address, name.replace(/\.[^.]*$/, "")]];
    } catch {
      return [];
    }
  }));
  return new Map(found.flat());
}
