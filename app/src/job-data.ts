import type { EmailJob } from "./email-job.ts";
import { type FileJob, MAX_MEGABYTES } from "./file-job.ts";
import type { QueueName } from "./queues.ts";

/** A request that cannot be carried out as it is; its message is for whoever sent it. */
export class BadRequest extends Error {
  readonly statusCode = 400;
}

/**
 * The data of a job as its queue takes it: what is unknown is left out, what is wrong is refused.
 * @throws BadRequest
 */
export function parseJobData(queue: QueueName, data: Readonly<Record<string, unknown>>): FileJob | EmailJob {
  return parsers[queue](data);
}

const parsers: Readonly<Record<QueueName, (data: Readonly<Record<string, unknown>>) => FileJob | EmailJob>> = {
  file: (data) => ({ name: text(data, "name", 200), megabytes: whole(data, "megabytes", MAX_MEGABYTES) }),
  email: (data) => ({ to: address(data), subject: text(data, "subject", 200), text: text(data, "text", 20_000) }),
};

function text(data: Readonly<Record<string, unknown>>, key: string, most: number): string {
  const value = data[key];
  if (typeof value !== "string" || value.length === 0 || value.length > most) throw new BadRequest(`data.${key} must be text of 1 to ${most} characters`);
  return value;
}

function whole(data: Readonly<Record<string, unknown>>, key: string, most: number): number {
  const value = data[key];
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > most) throw new BadRequest(`data.${key} must be a whole number from 1 to ${most}`);
  return value;
}

/** One plain address, so that no header can be smuggled in. */
function address(data: Readonly<Record<string, unknown>>): string {
  const value = text(data, "to", 254);
  if (!/^[^\s@<>,;:"()]+@[A-Za-z0-9.-]+$/.test(value)) throw new BadRequest("data.to must be one e-mail address");
  return value;
}
