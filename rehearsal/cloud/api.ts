import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Books } from "./books.ts";
import { ApiError } from "./errors.ts";
import { faultError, Faults } from "./faults.ts";
import type { Machines } from "./machines.ts";
import { RateLimit, REQUESTS_PER_HOUR } from "./rate-limit.ts";
import type { Reply } from "./route.ts";
import { match, patternOf, ROUTES } from "./table.ts";

/** Hetzner's API takes small documents; user data is the largest, 32 KiB. */
const MAX_BODY_BYTES = 1_048_576;

export interface CloudOptions {
  readonly machines: Machines;
  /** Public IPv4 addresses to give out, in this order. */
  readonly ipv4Addresses: readonly string[];
  /** Bearer token; a random one unless given. */
  readonly token?: string;
  /** How long an action stays at 0 % before its work begins, in milliseconds. */
  readonly actionDelayMs?: number;
  readonly requestsPerHour?: number;
  /** 0 (a free port) unless given. */
  readonly port?: number;
}

export interface LoggedRequest {
  /** `POST /servers/{id}/actions/reboot` */
  readonly route: string;
  readonly path: string;
  readonly status: number;
}

/** The stand-in for api.hetzner.cloud, running. */
export interface CloudApi {
  /** With `/v1` and no slash at the end: what the provider's `endpoint` wants. */
  readonly url: string;
  readonly token: string;
  readonly faults: Faults;
  /** Every request that was let in, in order. No bodies: they hold secrets. */
  readonly requests: readonly LoggedRequest[];
  /** What is there now, for tests and for the rehearsal's own use. */
  readonly books: Books;
  /**
   * Stop listening, let no further action begin, and wait for those under way. The machines are the caller's to clear
   * away, and only after this: before, one may still be in the making.
   */
  close(): Promise<void>;
}

/** Start the stand-in on the loopback interface. */
export async function startCloud(options: CloudOptions): Promise<CloudApi> {
  const token = options.token ?? randomBytes(32).toString("hex");
  const faults = new Faults(ROUTES.map(patternOf));
  const books = new Books({ machines: options.machines, faults, ipv4Addresses: options.ipv4Addresses, actionDelayMs: options.actionDelayMs ?? 0 });
  const limit = new RateLimit(options.requestsPerHour ?? REQUESTS_PER_HOUR, Date.now());
  const requests: LoggedRequest[] = [];
  const server = createServer((request, response) => {
    void answer({ token, faults, books, limit, requests }, request, response);
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("listen on the loopback interface: a port is required, found none");
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    token,
    faults,
    requests,
    books,
    close: async () => {
      books.actions.stop();
      server.close();
      server.closeAllConnections();
      await books.actions.idle();
    },
  };
}

interface Desk {
  readonly token: string;
  readonly faults: Faults;
  readonly books: Books;
  readonly limit: RateLimit;
  readonly requests: LoggedRequest[];
}

async function answer(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://stand-in");
  const path = pathname.replace(/^\/v1/, "").replace(/(.)\/$/, "$1");
  let route = `${request.method ?? "GET"} ${path}`;
  let reply: Reply;
  try {
    const text = await bodyOf(request);
    if (!authorised(request, desk.token)) throw new ApiError("unauthorized", "unable to authenticate");
    if (!desk.limit.take(Date.now())) throw new ApiError("rate_limit_exceeded", `Limit of ${desk.limit.limit} requests per hour reached`);
    const matched = match(request.method ?? "GET", path);
    route = patternOf(matched.route);
    const fault = desk.faults.take(route);
    if (fault !== undefined && "code" in fault) throw faultError(fault);
    if (fault?.cut === "before") return void response.destroy();
    reply = matched.route.handle({ books: desk.books, id: matched.id, actionId: matched.actionId, query: searchParams, body: parsed(text) });
    if (fault?.cut === "after") return void response.destroy();
  } catch (error) {
    reply = errorReply(error);
  }
  desk.requests.push({ route, path, status: reply.status });
  response.writeHead(reply.status, { ...(reply.body === undefined ? {} : { "Content-Type": "application/json" }), ...desk.limit.headers(Date.now()), "X-Correlation-Id": randomBytes(8).toString("hex") });
  response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
}

function errorReply(error: unknown): Reply {
  // Anything else is a fault of the stand-in: it must be seen, and must not pass for Hetzner's.
  const known = error instanceof ApiError ? error : new ApiError("server_error", `the stand-in failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return { status: known.status, body: { error: { code: known.code, message: known.message, details: known.details } } };
}

function authorised(request: IncomingMessage, token: string): boolean {
  return timingSafeEqual(sha256(request.headers.authorization ?? ""), sha256(`Bearer ${token}`));
}

/** Equal lengths, which a comparison in constant time needs. */
function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new ApiError("invalid_input", `the request's body must be at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("json_error", "invalid JSON in the request's body");
  }
}
