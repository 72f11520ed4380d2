import { readFile, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { Redis } from "ioredis";
import { attributed, holdersOf } from "./attribution.ts";
import { parseFacts } from "./facts.ts";
import { notKnown } from "./fact.ts";
import { gatherApi, gatherMetadata, gatherPostgres, gatherRefused } from "./gather-others.ts";
import { connectManaged, connectRedis, gatherRedis, noRedis, reverseNames } from "./gather-redis.ts";
import type { Facts, Seen } from "./seen.ts";
import { parseStanding } from "./standing-facts.ts";
import { within } from "./time.ts";
import { messageOf } from "./words.ts";
import type { Connection, Expectations } from "./types.ts";

/** The one place that looks. What it brings back is judged by pure checks. */

export interface Gathered {
  readonly facts: Facts;
  /** What was so before the release began; undefined where nothing is known of it. */
  readonly before: Facts | undefined;
  readonly connections: readonly Connection[];
  readonly settleMs: number;
  /** What went wrong with the looking itself. */
  readonly problems: readonly string[];
}

export interface GatherOptions {
  readonly expectations: Expectations;
  /** Touched when the connections have settled: the host's script then sends the facts. */
  readonly settledFile: string;
  /** The facts stream, to its end. */
  readonly input: Readable;
  /** Told each password that was read, so that nothing printed holds it. */
  readonly keepSecret: (secret: string) => void;
}

/** The host's script bounds each of its commands; all of them together take about a second. */
const FACTS_MS = 60_000;

export async function gather({ expectations, settledFile, input, keepSecret }: GatherOptions): Promise<Gathered> {
  const problems: string[] = [];
  const deadline = Date.now() + expectations.settleSeconds * 1000;
  const { node } = expectations;
  // A node among several looks only at what its roles have to do with.
  const [usesRedis, usesPostgres] = [node?.redis !== "not used", node?.postgres !== "not used"];
  const postgresPassword = usesPostgres ? await readPassword(expectations.postgres.passwordFile, problems, keepSecret) : "";

  const client = await openRedis(expectations.redis, usesRedis, problems, keepSecret);
  try {
    // No request opens a connection, and the canary none that stays: the count is taken after them, and shows it.
    let answered = false;
    const looksAtApi = node === undefined || node.api !== "not used";
    // Before the workers are there, no canary comes back.
    const asked = node === undefined || node.canary ? expectations.api : { ...expectations.api, canaryPath: null };
    const unasked = notKnown("the API is not judged on this node");
    const api = (looksAtApi ? gatherApi(asked, deadline) : Promise.resolve({ ready: unasked, canary: unasked })).finally(() => {
      answered = true;
    });
    const postgres = usesPostgres ? gatherPostgres(expectations.postgres, postgresPassword, deadline) : notKnown("Postgres is not used on this node");
    const refused = gatherRefused(expectations);
    const metadata = gatherMetadata();
    const { redis, settleMs } = usesRedis ? await gatherRedis(client, expectations, deadline, () => answered) : noRedis("Redis is not used on this node");

    const stream = await handOver(settledFile, input, problems);
    const unnamed: Omit<Seen, "names"> = { at: new Date().toISOString(), redis, postgres: await postgres, api: await api, metadata: await metadata, refused: await refused };
    const host = parseFacts(stream);
    const clients = redis.clients.known ? redis.clients.value : [];
    const without: Facts = { seen: { ...unnamed, names: new Map() }, host };
    const holders = holdersOf(without, expectations);
    // Where Redis is elsewhere, no container of this host's Docker has the address.
    const known = node?.redis !== "elsewhere" && expectations.redis.managed === null;
    const strangers = clients.map(({ host: address }) => address).filter((address) => address !== "" && known && !holders.has(address));
    const facts: Facts = { ...without, seen: { ...unnamed, names: await reverseNames(strangers) } };
    return { facts, before: parseStanding(stream, facts.seen.names), connections: attributed(facts, expectations), settleMs, problems };
  } finally {
    client.disconnect();
  }
}

/** On a node without any of Redis's users the connection is opened by nobody's command, and never stands. */
async function openRedis({ url, passwordFile, managed }: Expectations["redis"], isUsed: boolean, problems: string[], keepSecret: (secret: string) => void): Promise<Redis> {
  if (managed !== null && isUsed) {
    const secret = await readPassword(managed.urlFile, problems, keepSecret);
    if (URL.canParse(secret)) keepSecret(new URL(secret).password);
    const client = connectManaged(managed);
    keepSecret(client.options.password ?? "");
    return client;
  }
  return connectRedis(url ?? "redis://redis:6379", isUsed && passwordFile !== null ? await readPassword(passwordFile, problems, keepSecret) : "");
}

/** Says that the connections have settled, and reads what the host then tells. */
async function handOver(settledFile: string, input: Readable, problems: string[]): Promise<string> {
  try {
    await writeFile(settledFile, "");
    return await within(FACTS_MS, "the facts of the host on standard input", readAll(input));
  } catch (error) {
    problems.push(messageOf(error));
    return "";
  }
}

async function readAll(input: Readable): Promise<string> {
  input.setEncoding("utf8");
  let text = "";
  for await (const chunk of input) text += String(chunk);
  return text;
}

/** A password's file. Without it the connection is refused, and its check says that; the reason stands beside. */
async function readPassword(path: string, problems: string[], keepSecret: (secret: string) => void): Promise<string> {
  try {
    const password = (await readFile(path, "utf8")).trim();
    keepSecret(password);
    return password;
  } catch (error) {
    problems.push(`reading a password: ${messageOf(error)}`);
    return "";
  }
}
