import { HEARTBEAT_KEY, readiness, runCanary } from "berth-runtime";
import type { FastifyInstance } from "fastify";
import type { JobStore } from "./job-store.ts";
import type { Queues } from "./queues.ts";
import type { Settings } from "./settings.ts";

/** What is asked of a running process. None of these opens a connection to Redis. */
export function opsRoutes(app: FastifyInstance, settings: Settings, queues: Queues, store: JobStore, started: () => boolean): void {
  app.get("/", () => ({ name: settings.name, version: settings.version }));

  app.get("/healthz", () => ({ ok: true }));

  app.get("/readyz", async (_request, reply) => {
    if (!started()) return await reply.code(503).send({ ready: false, parts: { startup: "waiting for Redis and Postgres" } });
    const state = await readiness(queues.all, { postgres: () => store.ping() });
    return await reply.code(state.ready ? 200 : 503).send(state);
  });

  app.get("/ops/queue", async (_request, reply) => {
    if (!started()) return await reply.code(503).send({ error: "waiting for Redis and Postgres" });
    // Said at once: a command on a connection that is away would only be queued until it times out.
    if (queues.all.some((queue) => queue.client.status !== "ready")) return await reply.code(503).send({ error: "Redis is not reachable: try again" });
    const at = await queues.byName.file.client.get(HEARTBEAT_KEY);
    const counts = await Promise.all(queues.all.map(async (queue) => [queue.name, await queue.getJobCounts()] as const));
    return { heartbeat: at === null ? null : { at, ageSeconds: Math.round((Date.now() - Date.parse(at)) / 1000) }, queues: Object.fromEntries(counts) };
  });

  app.post("/ops/canary", async (_request, reply) => {
    if (!started()) return await reply.code(503).send({ error: "waiting for Redis and Postgres" });
    const report = await runCanary(queues.all);
    return await reply.code(Object.values(report.queues).every(({ ok }) => ok) ? 200 : 503).send(report);
  });
}
