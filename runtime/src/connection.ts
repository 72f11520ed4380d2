import { Redis, type RedisOptions } from "ioredis";
import { readSecret } from "./secret.ts";
import { tlsOptions } from "./tls.ts";
import { inContainer, resolveRedisUrl } from "./service-url.ts";

/** The three connections Bull makes per queue: shared commands, events, and the one that blocks for the next job. */
export type RedisUse = "client" | "subscriber" | "bclient";

export interface RedisOptionsInput {
  /** Name of the process in `CLIENT LIST`: `api`, `worker`. */
  readonly process: string;
  readonly use: RedisUse;
  readonly queue?: string;
}

/** A connection that does not stand after this long is given up and tried again, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/**
 * A command without an answer after this long fails, in milliseconds. Never for a blocking or a subscribing connection:
 * there, waiting is the work, and a BRPOPLPUSH that timed out here still runs at the server and loses its job for 75 s.
 */
const COMMAND_TIMEOUT_MS = 10_000;
/**
 * A command that Redis took this long to answer, in milliseconds, has met a dead connection: it is made anew. TCP alone goes on trying it, at intervals that
 * double: after 30 s of cut network the next try came 25 s late. Above the command's own time-out, so that a slow answer costs no connection.
 */
const SOCKET_TIMEOUT_MS = 15_000;
/** An idle connection is looked at after this long, in milliseconds, and given up 10 s later (Node's probes: ten, one a second): a waiting one says nothing by itself. */
const KEEP_ALIVE_MS = 15_000;
/** ioredis waits the server's own estimate before it looks again whether loading is over; ask at least this often. */
const LOADING_RETRY_MS = 500;
/** Between two attempts to connect, at most. Bull's own back-off reaches 20 s, which is 20 s of a worker doing nothing. */
const RECONNECT_MAX_MS = 2_000;

/**
 * Options for one connection to Redis, from REDIS_URL and REDIS_PASSWORD_FILE; or from REDIS_URL_FILE, a file with a URL that
 * holds the password. `rediss://` really is TLS: Bull drops it, so it is said by `tls`, and the certificate is checked.
 * @throws when there is no URL, or one that is no Redis URL; the message never holds it
 */
export function redisOptions(env: NodeJS.ProcessEnv, { process, use, queue }: RedisOptionsInput): RedisOptions {
  const given = urlOf(env);
  if (given === undefined || given === "") throw new Error("connect to Redis: REDIS_URL is required (redis://HOST:6379), found nothing; set it in the environment");
  const text = resolveRedisUrl(given, env, inContainer(env));
  if (!URL.canParse(text) || !/^rediss?:$/.test(new URL(text).protocol) || new URL(text).hostname === "") {
    throw new Error("connect to Redis: REDIS_URL is required to be redis://HOST:PORT or rediss://HOST:PORT, found something else");
  }
  const url = new URL(text);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const password = decoded(url.password) || readSecret(env, "REDIS_PASSWORD");
  const username = decoded(url.username);
  const database = Number(url.pathname.slice(1) || "0");
  const shared: RedisOptions = {
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    host,
    port: Number(url.port || "6379"),
    db: Number.isInteger(database) ? database : 0,
    ...(username === "" ? {} : { username }),
    ...(password === undefined || password === "" ? {} : { password }),
    ...(url.protocol === "rediss:" ? { tls: tlsOptions(env, host) } : {}),
    connectionName: [process, use, ...(queue === undefined ? [] : [queue])].join(":"),
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
    retryStrategy: (attempt) => Math.min(attempt * 100, RECONNECT_MAX_MS),
  };
  // Bull refuses a blocking or subscribing connection that gives up requests or checks readiness by itself.
  if (use !== "client") return { ...shared, maxRetriesPerRequest: null, enableReadyCheck: false };
  return { ...shared, maxRetriesPerRequest: null, enableReadyCheck: true, maxLoadingRetryTime: LOADING_RETRY_MS, commandTimeout: COMMAND_TIMEOUT_MS, socketTimeout: SOCKET_TIMEOUT_MS };
}

/** A blank REDIS_URL counts as none, as before there were files for it. */
function urlOf(env: NodeJS.ProcessEnv): string | undefined {
  const inFile = env["REDIS_URL_FILE"] !== undefined && env["REDIS_URL_FILE"] !== "";
  return inFile ? readSecret(env, "REDIS_URL") : env["REDIS_URL"];
}

/** A part of the URL as it is meant. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error("connect to Redis: REDIS_URL is required to write % as %25 in its user and password; better, put the password in a file and name it by REDIS_PASSWORD_FILE");
  }
}

/**
 * The connections of one process, made for Bull and closed by us: Bull does not close what it did not make.
 *
 *     const redis = new QueueConnections(process.env, "worker");
 *     const queue = new Bull("file", redis.forQueue("file"));
 */
export class QueueConnections {
  readonly #env: NodeJS.ProcessEnv;
  readonly #process: string;
  readonly #open = new Map<string, Redis>();
  readonly #onError: (error: Error) => void;

  /** @param onError hears every connection error; without a listener ioredis prints each one with its stack. */
  constructor(env: NodeJS.ProcessEnv, process: string, onError: (error: Error) => void = () => undefined) {
    this.#env = env;
    this.#process = process;
    this.#onError = onError;
  }

  /** Options to spread into a Bull queue's. Bull names its blocked client itself, so that `getWorkers()` works. */
  forQueue(queue: string): { createClient: (use: RedisUse) => Redis } {
    return { createClient: (use) => this.open(queue, use) };
  }

  /**
   * The connection of this queue for this use, the same at every call. Open those that will be needed before the start-up
   * validation, which then waits for each: Bull itself opens them late, and a failure there is an unhandled rejection.
   */
  open(queue: string, use: RedisUse): Redis {
    const key = `${use}:${queue}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const client = new Redis(redisOptions(this.#env, { process: this.#process, use, queue }));
    client.on("error", this.#onError);
    this.#open.set(key, client);
    return client;
  }

  /** Every connection made so far. */
  get all(): readonly Redis[] {
    return [...this.#open.values()];
  }

  /** Close them all at once; for after every queue has closed. */
  close(): void {
    for (const client of this.#open.values()) client.disconnect();
  }
}
