import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { BadRequest, parseJobData } from "./job-data.ts";
import { isJobId, type JobRecord, type JobStore } from "./job-store.ts";
import { QUEUE_NAMES, type QueueName, type Queues } from "./queues.ts";

/** Redis is away: said at once, instead of holding the request until its command times out. */
class Unavailable extends Error {
  readonly statusCode = 503;
}

/** `POST /jobs {queue, data}` and `GET /jobs/:id`. */
export function jobRoutes(app: FastifyInstance, queues: Queues, store: JobStore): void {
  app.post("/jobs", async (request, reply) => {
    const { queue, data } = parseBody(request.body);
    const parsed = parseJobData(queue, data);
    const target = queues.byName[queue];
    if (target.client.status !== "ready") throw new Unavailable("Redis is not reachable: try again");
    // The row first: an event can come before `add` has answered.
    const id = randomUUID();
    await store.add(id, queue, parsed);
    try {
      await target.add(parsed, { jobId: id });
    } catch {
      // It may have arrived all the same, so the row stays: the job's events will find it.
      throw new Unavailable(`Redis did not confirm job ${id}: ask for it by GET /jobs/${id}`);
    }
    return reply.code(202).header("location", `/jobs/${id}`).send({ id, queue, state: "waiting" });
  });

  app.get<{ Params: { id: string } }>("/jobs/:id", async (request, reply) => {
    const { id } = request.params;
    if (!isJobId(id)) throw new BadRequest("the id of a job is a UUID");
    const record = await current(id, queues, store);
    if (record === undefined) return await reply.code(404).send({ error: `there is no job ${id}` });
    return record;
  });
}

/** The row, brought up to date from the queue when no event has finished it: events are not kept for those who were away. */
async function current(id: string, queues: Queues, store: JobStore): Promise<JobRecord | undefined> {
  const record = await store.find(id);
  if (record === undefined || record.state === "completed" || record.state === "failed") return record;
  const queue = queues.byName[record.queue as QueueName];
  if (queue?.client.status !== "ready") return record;
  const job = await queue.getJob(id);
  if (job === null) return record;
  const state = await job.getState();
  if (state === "completed") await store.completed(id, job.returnvalue);
  else if (state === "failed") await store.failed(id, job.failedReason ?? "no reason given");
  else return record;
  return await store.find(id);
}

function parseBody(body: unknown): { queue: QueueName; data: Readonly<Record<string, unknown>> } {
  if (!isRecord(body)) throw new BadRequest("the body must be a JSON object {queue, data}");
  const queue = QUEUE_NAMES.find((name) => name === body["queue"]);
  if (queue === undefined) throw new BadRequest(`queue must be one of ${QUEUE_NAMES.join(", ")}`);
  if (!isRecord(body["data"])) throw new BadRequest("data must be an object");
  return { queue, data: body["data"] };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
