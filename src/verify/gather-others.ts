import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { Client } from "pg";
import { METADATA_ADDRESS } from "./checks/exposure.ts";
import { type Fact, known, notKnown } from "./fact.ts";
import { at, entriesAt, numberAt, textAt } from "./json.ts";
import type { Seen } from "./seen.ts";
import { sleep, within } from "./time.ts";
import { messageOf } from "./words.ts";
import type { Expectations } from "./types.ts";

/** Looks at everything but Redis, from where the application stands. */

const RETRY_MS = 250;
const REQUEST_MS = 5000;
/** A canary waits behind the jobs of a busy queue. */
const CANARY_MS = 20_000;
const CANARY_TRIES = 3;

/** Postgres over TCP, again and again until it answers, refuses the password, or the deadline is over. */
export async function gatherPostgres(expectations: Expectations["postgres"], password: string, deadline: number): Promise<Seen["postgres"]> {
  const start = Date.now();
  for (;;) {
    try {
      const found = await within(REQUEST_MS * 2, "Postgres", queryPostgres(expectations, password));
      return known({ ms: Date.now() - start, ...found });
    } catch (error) {
      const code = textAt(error, "code") ?? "";
      // Class 28 is "invalid authorization", 3D "no such database" (PostgreSQL, appendix A): waiting does not mend either.
      if (/^(?:28|3D)/.test(code) || Date.now() + RETRY_MS > deadline) return notKnown(messageOf(error));
      await sleep(RETRY_MS);
    }
  }
}

async function queryPostgres({ host, port, database, user }: Expectations["postgres"], password: string) {
  const client = new Client({
    host, port, database, user, password, application_name: "berth-verify",
    connectionTimeoutMillis: REQUEST_MS, query_timeout: REQUEST_MS,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ connections: number; most: number; directory: string | null }>(
      `select (select coalesce(sum(numbackends), 0)::int from pg_stat_database) as connections,
              current_setting('max_connections')::int as most,
              (select setting from pg_settings where name = 'data_directory') as directory`,
    );
    const row = rows[0];
    if (row === undefined) throw new Error("the query returned no row");
    return { connections: row.connections, maxConnections: row.most, dataDirectory: row.directory ?? undefined };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The API's readiness, again and again until 200 or the deadline, and then the canary. */
export async function gatherApi({ url, readyPath, canaryPath }: Expectations["api"], deadline: number): Promise<Seen["api"]> {
  const ready = await waitUntilReady(new URL(readyPath, url), deadline);
  if (canaryPath === null) return { ready, canary: notKnown("the application has no canary") };
  if (!ready.known || ready.value.status !== 200) return { ready, canary: notKnown("not sent: the API is not ready") };
  return { ready, canary: await sendCanary(new URL(canaryPath, url), deadline) };
}

async function waitUntilReady(url: URL, deadline: number): Promise<Seen["api"]["ready"]> {
  const start = Date.now();
  for (;;) {
    const last = await request(url, "GET", REQUEST_MS);
    if ((last.known && last.value.status === 200) || Date.now() + RETRY_MS > deadline) {
      return last.known ? known({ ...last.value, ms: Date.now() - start }) : last;
    }
    await sleep(RETRY_MS);
  }
}

async function sendCanary(url: URL, deadline: number): Promise<Seen["api"]["canary"]> {
  for (let tries = 1; ; tries += 1) {
    const answer = await request(url, "POST", CANARY_MS);
    const canary = answer.known ? readCanary(answer.value) : answer;
    const good = canary.known && [...canary.value.values()].every(({ ok }) => ok);
    if (good || tries === CANARY_TRIES || Date.now() + RETRY_MS > deadline) return canary;
    await sleep(RETRY_MS);
  }
}

/** One request. Not by `fetch`, which refuses ports that browsers hold to be dangerous (6000 among them). */
async function request(url: URL, method: "GET" | "POST", timeoutMs: number): Promise<Fact<{ status: number; body: string }>> {
  const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
    const sent = httpRequest(url, { method, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => { body = (body + chunk).slice(0, 2000); });
      response.on("end", () => { resolve({ status: response.statusCode ?? 0, body }); });
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end();
  });
  try {
    return known(await answer);
  } catch (error) {
    return notKnown(`${method} ${url.href}: ${messageOf(error)}`);
  }
}

/**
 * Reads `{ "queues": { "file": { "ok": true, "ms": 4 } } }`, which may come with another status than 200. One that did not come back may have a
 * `reason`, and says with `"waiting": true` that nobody had taken it.
 */
export function readCanary({ status, body }: { status: number; body: string }): Seen["api"]["canary"] {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return notKnown(`the canary's answer is not JSON (status ${status})`);
  }
  const queues = entriesAt(answer, "queues");
  if (queues.length === 0) return notKnown(`the canary's answer names no queue (status ${status})`);
  return known(new Map(queues.map(([queue, said]) => {
    const ok = at(said, "ok") === true;
    const ms = numberAt(said, "ms");
    const after = ms === undefined ? "" : ` after ${Math.round(ms)} ms`;
    const waiting = !ok && at(said, "waiting") === true;
    return [queue, { ok, detail: ok ? `came back${after}` : textAt(said, "reason") ?? `did not come back${after}`, ...(waiting ? { waiting } : {}) }];
  })));
}

const KNOCK_MS = 1500;

/** Whether the metadata service lets a container connect. Anything but a connection is a refusal. */
export async function gatherMetadata(): Promise<Seen["metadata"]> {
  return known(await knock(METADATA_ADDRESS, 80));
}

/** Ports of other nodes that must not open from here. */
export async function gatherRefused(expectations: Expectations): Promise<Seen["refused"]> {
  return known(await Promise.all((expectations.node?.refused ?? []).map(async ({ what, address, port }) => ({ what, ...(await knock(address, port)) }))));
}

/** Whether a port accepts a connection. Anything else is a refusal. */
function knock(address: string, port: number): Promise<{ readonly connected: boolean; readonly detail: string }> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const finish = (connected: boolean, detail: string) => {
      socket.destroy();
      resolve({ connected, detail });
    };
    socket.setTimeout(KNOCK_MS);
    socket.once("connect", () => { finish(true, `${address}:${port} accepted a connection`); });
    socket.once("timeout", () => { finish(false, `no answer within ${KNOCK_MS} ms`); });
    socket.once("error", (error: NodeJS.ErrnoException) => { finish(false, `refused (${error.code ?? error.message})`); });
  });
}
