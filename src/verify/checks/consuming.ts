import { onServer } from "../advice.ts";
import { attributed } from "../attribution.ts";
import { LOOKS, type QueueSeen } from "../queue-watch.ts";
import type { Facts } from "../seen.ts";
import { servingContainer } from "../services.ts";
import type { Check, Expectations } from "../types.ts";
import { queueOf } from "../../redis/clients.ts";
import { fail, pass, unknown } from "../verdict.ts";

/**
 * A worker that is connected and does nothing, told from one that works. Redis itself hands a job to a blocked client, whether the process
 * behind it runs or not: the job is then active without a lock.
 */

export function appConsuming(facts: Facts, expectations: Expectations): Check {
  const expected = "jobs that wait are taken and begun";
  const { queues } = facts.seen.redis;
  if (!queues.known) return unknown("app.consuming", queues.why, expected);
  const listened = listenedQueues(facts, expectations);
  const hanging: string[] = [];
  const occupied: string[] = [];
  const idle: string[] = [];
  for (const queue of expectations.queues) {
    const seen = queues.value.get(queue);
    // A job that came back says more than any look.
    if (seen === undefined || canary(facts, queue) === true) continue;
    if (!listened.has(queue)) idle.push(`${queue}: nobody listens, see connections.required`);
    else if (seen.notBegun >= LOOKS) hanging.push(`${queue}: a job was handed to the worker and not begun for ${seen.notBegun} s`);
    else if (seen.notTaken >= LOOKS) hanging.push(`${queue}: a job waited for ${seen.notTaken} s with nothing active`);
    else if (seen.occupied >= LOOKS && canary(facts, queue) === false) occupied.push(`${queue}: the same ${seen.active} active for ${seen.occupied} s, ${seen.waiting} waiting`);
  }
  if (hanging.length > 0) return fail("app.consuming", `the worker is connected and hangs: ${hanging.join("; ")}`, expected, restart(facts));
  if (occupied.length > 0) return fail("app.consuming", `the worker lives, and every place is taken by jobs that do not end: ${occupied.join("; ")}`, expected);
  return pass("app.consuming", [...idle, ...counts(queues.value)].join("; "), expected);
}

function counts(queues: ReadonlyMap<string, QueueSeen>): string[] {
  return [...queues].map(([queue, { active, waiting }]) => `${queue} at most ${active} active, ${waiting} waiting`);
}

function listenedQueues(facts: Facts, expectations: Expectations): ReadonlySet<string | undefined> {
  const { queues } = expectations;
  const blocked = attributed(facts, expectations).filter(({ kind }) => kind === "blocked");
  // Another library's blocked clients carry no queue's name: then any counts for all.
  return blocked.some((it) => queueOf(it, queues) === undefined) ? new Set(queues) : new Set(blocked.map((it) => queueOf(it, queues)));
}

function canary({ seen }: Facts, queue: string): boolean | undefined {
  return seen.api.canary.known ? seen.api.canary.value.get(queue)?.ok : undefined;
}

function restart({ host }: Facts): string {
  const name = servingContainer(host, "worker")?.name ?? "the worker's container";
  // It cannot hear that it is to end: without a bound Docker would wait for its grace period.
  return `The process is stopped, or its event loop is blocked by a job that computes: \`berth logs worker\`, then ${onServer("docker restart --time 10", name)}; what it held goes back to the queue. `
    + "Work that computes belongs in a process of its own (a processor given to Bull as a path).";
}
