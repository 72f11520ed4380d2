import fastify, { type FastifyInstance } from "fastify";
import { jobRoutes } from "./job-routes.ts";
import type { JobStore } from "./job-store.ts";
import { type Log, messageOf } from "./log.ts";
import { opsRoutes } from "./ops-routes.ts";
import type { Queues } from "./queues.ts";
import type { Settings } from "./settings.ts";

/** No job's data is larger. */
const BODY_LIMIT = 65_536;

export interface ServerParts {
  readonly settings: Settings;
  readonly queues: Queues;
  readonly store: JobStore;
  readonly log: Log;
  /** Whether the start-up validation is done. */
  readonly started: () => boolean;
}

/** The HTTP side. Every answer is JSON, and so is every error: `{error}`. What went wrong inside is said in the log alone. */
export function buildServer({ settings, queues, store, log, started }: ServerParts): FastifyInstance {
  // Behind one proxy of ours, and probed every few seconds: requests are the proxy's to log.
  const app = fastify({ logger: false, bodyLimit: BODY_LIMIT, forceCloseConnections: "idle" });
  app.setNotFoundHandler((request, reply) => reply.code(404).send({ error: `there is no ${request.method} ${request.url.split("?")[0] ?? ""}` }));
  app.setErrorHandler((error, request, reply) => {
    const status = statusOf(error);
    if (status < 500) return reply.code(status).send({ error: messageOf(error) });
    log.error(`${request.method} ${request.url}: ${messageOf(error)}`);
    return reply.code(status).send({ error: status === 503 ? messageOf(error) : "something went wrong inside; the log says what" });
  });
  opsRoutes(app, settings, queues, store, started);
  jobRoutes(app, queues, store);
  return app;
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : 500;
}
