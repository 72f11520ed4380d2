import { randomBytes } from "node:crypto";
import { lookup, Resolver } from "node:dns/promises";
import { redisOptions, waitForRedisReady } from "berth-runtime";
import { Redis, type RedisOptions } from "ioredis";
import { type Client, parseClientList } from "../redis/clients.ts";
import { parseInfo } from "../redis/info.ts";
import { type Fact, known, notKnown } from "./fact.ts";
import { concerns } from "./nodes.ts";
import { lookAtQueues, QueueWatch } from "./queue-watch.ts";
import type { Seen } from "./seen.ts";
import { PROCESSES } from "./services.ts";
import { asExpected, asExpectedManaged, settle } from "./settle.ts";
import { sleep, within } from "./time.ts";
import { messageOf } from "./words.ts";
import type { Expectations, ManagedExpectation } from "./types.ts";
import { PROVIDER_MANAGED } from "./verdict.ts";

/** Looks at Redis over one connection, from the application's network and with the application's password. */

const COMMAND_MS = 5000;
/** However late Redis became ready, connections get this long to settle. */
const LEAST_SETTLE_MS = 10_000;

const WAITS: RedisOptions = {
  connectTimeout: COMMAND_MS,
  commandTimeout: COMMAND_MS,
  retryStrategy: () => 200,
  // Asks again whether loading is over this often at least; ioredis's own choice is ten seconds.
  maxLoadingRetryTime: 500,
};

export function connectRedis(url: string, password: string): Redis {
  return quiet(new Redis(url, { ...WAITS, ...(password === "" ? {} : { password }), connectionName: "verify:client" }));
}

/**
 * To a managed Redis as the application's own connections are made, by the same file and the same code.
 * @throws when the file is missing, or its URL cannot be read
 */
export function connectManaged({ urlFile, caFile, serverName }: ManagedExpectation): Redis {
  const env: NodeJS.ProcessEnv = { NODE_ENV: "production", REDIS_URL_FILE: urlFile, ...(caFile === null ? {} : { REDIS_CA_FILE: caFile }), ...(serverName === null ? {} : { REDIS_SERVER_NAME: serverName }) };
  return quiet(new Redis({
    ...redisOptions(env, { process: "verify", use: "client" }),
    ...WAITS,
    // Known by this in CLIENT LIST where the provider does not answer CLIENT ID.
    connectionName: `verify:client:${randomBytes(6).toString("hex")}`,
    // By INFO, which a provider may refuse: ioredis then prints that into the table. A PING decides in any case.
    enableReadyCheck: false,
  }));
}

/** Whoever waits hears of an error; unheard, ioredis prints it to standard error, into the table. */
function quiet(client: Redis): Redis {
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
  const { managed } = expectations.redis;
  const attempt = managed === null ? attemptOwn : attemptManaged;
  const ready = await attemptOwn(async () => {
    await waitForRedisReady(client, { timeout: Math.max(1000, deadline - start) });
    return Date.now() - start;
  });
  // One that cannot write refuses a PING, and answers whoever only looks.
  if (!ready.known && !/MISCONF/.test(ready.why)) {
    const nothing = notKnown("Redis was not ready, see redis.ready");
    // INFO is answered while LOADING, and says how long that will take.
    return { redis: { ready, info: await attempt(() => readInfo(client)), config: nothing, clients: nothing, ownHost: undefined, queues: nothing, heartbeatTtlMs: nothing }, settleMs: 0 };
  }
  const windowMs = Math.max(LEAST_SETTLE_MS, deadline - Date.now());
  let settleMs = 0;
  const watch = new QueueWatch();
  const judgesQueues = concerns("app.consuming", expectations);
  let ownHost: string | undefined;
  const clients = await attempt(async () => {
    const result = await settle({
      poll: async () => {
        const [listed, looks] = await Promise.all([listClients(client), attempt(() => lookAtQueues(client, expectations.queues))]);
        if (looks.known) watch.note(looks.value);
        ({ ownHost } = listed);
        return listed.clients;
      },
      expected: async (list) => (managed === null ? asExpected(list, await processAddresses(), expectations) : asExpectedManaged(list, ownHost, expectations)),
      steady: () => steady() && !(judgesQueues && watch.undecided()),
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
  const queues = watch.result().size > 0 ? known(watch.result()) : notKnown("the queues could not be looked at");
  return { redis: { ready, info, config, clients, ownHost, queues, heartbeatTtlMs }, settleMs };
}

/** What is known of a Redis that was not looked at. */
export function noRedis(why: string): RedisFacts {
  const nothing = notKnown(why);
  return { redis: { ready: nothing, info: nothing, config: nothing, clients: nothing, ownHost: undefined, queues: nothing, heartbeatTtlMs: nothing }, settleMs: 0 };
}

function ttlOf(client: Redis, key: string): () => Promise<number> {
  return () => client.pttl(key);
}

async function attemptOwn<T>(look: () => Promise<T>): Promise<Fact<T>> {
  try {
    return known(await look());
  } catch (error) {
    return notKnown(messageOf(error));
  }
}

/** A command that the provider refuses hides a fact; a connection that fails hides nothing, it has failed. */
async function attemptManaged<T>(look: () => Promise<T>): Promise<Fact<T>> {
  try {
    return known(await look());
  } catch (error) {
    const refused = error instanceof Error && error.name === "ReplyError" && !/^(?:LOADING|MISCONF|OOM|READONLY|MASTERDOWN|NOAUTH|WRONGPASS)\b/.test(error.message);
    return notKnown(`${refused ? `${PROVIDER_MANAGED}: refused, ` : ""}${messageOf(error)}`);
  }
}

async function readInfo(client: Redis) {
  try {
    return parseInfo(await within(COMMAND_MS, "INFO", client.info("everything")));
  } catch (error) {
    // A provider that knows only some sections by name still answers to the bare command.
    if (!(error instanceof Error) || error.name !== "ReplyError") throw error;
    return parseInfo(await within(COMMAND_MS, "INFO", client.info()));
  }
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

/**
 * CLIENT LIST without this connection, known by its id: after a reconnect it is another. Where the provider of a managed Redis does not
 * tell the id, by its name, which nobody else has.
 */
async function listClients(client: Redis): Promise<{ clients: Client[]; ownHost: string | undefined }> {
  const [self, list] = await Promise.all([client.call("CLIENT", "ID").catch(refusal), client.call("CLIENT", "LIST")]);
  const all = parseClientList(textOf(list));
  const isSelf = ({ id, name }: Client): boolean => (self === undefined ? name === client.options.connectionName : id === textOf(self));
  const own = all.find(isSelf);
  return { clients: all.filter((one) => !isSelf(one)), ownHost: own === undefined || own.host === "" ? undefined : own.host };
}

function textOf(answer: unknown): string {
  return typeof answer === "string" || typeof answer === "number" ? String(answer) : "";
}

/** The server's own word that it does not answer this; anything else is thrown on. */
function refusal(error: unknown): undefined {
  if (error instanceof Error && error.name === "ReplyError") return undefined;
  throw error;
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
