import { onServer } from "../advice.ts";
import { attributed } from "../attribution.ts";
import { LOOKS, type QueueSeen } from "../queue-watch.ts";
import type { Facts } from "../seen.ts";
import { servingContainer } from "../services.ts";
import type { Check, Connection, Expectations } from "../types.ts";
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
  const hanging: string[] = [];
  const full: string[] = [];
  const idle: string[] = [];
  for (const queue of expectations.queues) {
    const seen = queues.value.get(queue);
    // A job that came back says more than any look.
    if (seen === undefined || canary(facts, queue) === true) continue;
    const listeners = listenersOf(facts, expectations, queue);
    const hangs = listeners.length === 0 ? undefined : hang(seen, facts, queue, listeners);
    if (listeners.length === 0) idle.push(`${queue}: nobody listens, see connections.required`);
    else if (hangs !== undefined) hanging.push(`${queue}: ${hangs}`);
    else if (seen.occupied >= LOOKS && canary(facts, queue) === false) full.push(`${queue}: the same ${seen.active} active for ${seen.occupied} s, ${seen.waiting} waiting`);
  }
  if (hanging.length > 0) return fail("app.consuming", `the worker is connected and hangs: ${hanging.join("; ")}`, expected, restart(facts));
  if (full.length > 0) return pass("app.consuming", `the worker lives, and no job was taken: ${full.join("; ")}`, expected, FULL);
  return pass("app.consuming", [...idle, ...counts(queues.value)].join("; "), expected);
}

/** Said while it passes: nobody can tell a long job from one that never ends. */
export const FULL = "every place is taken by jobs at work, and the canary waits behind them. Long jobs: give the queue more concurrency. One that does not end (`berth logs worker`): give it a time-out";

/** Whether the worker lives, and has no place for another job. */
export function isFull(facts: Facts, expectations: Expectations, queue: string): boolean {
  const { queues } = facts.seen.redis;
  const seen = queues.known ? queues.value.get(queue) : undefined;
  const listeners = listenersOf(facts, expectations, queue);
  return seen !== undefined && listeners.length > 0 && seen.occupied >= LOOKS && hang(seen, facts, queue, listeners) === undefined;
}

/** What shows that a queue's worker hangs; undefined: nothing. */
function hang(seen: QueueSeen, facts: Facts, queue: string, listeners: readonly Connection[]): string | undefined {
  if (seen.notBegun >= LOOKS) return `a job was handed to the worker and not begun for ${seen.notBegun} s`;
  if (seen.notTaken >= LOOKS) return `a job waited for ${seen.notTaken} s with nothing active`;
  // Of several workers one may be dead and its job on the way to another: a canary that did not come back says that nobody takes it.
  if (seen.moves && canary(facts, queue) === undefined) return undefined;
  const lost = seen.lost.filter((begunAt) => !isPredecessors(begunAt, facts, listeners));
  return lost.length === 0 ? undefined : "a job was begun, and its lock is not renewed";
}

/**
 * How long the job of a killed worker stays active without a lock, in milliseconds: until the second check for stalled jobs, of which Bull makes one each
 * 30 s, and the lock of 30 s has to run out first. Seen: from 25 s to 75 s after the kill.
 */
const STALLED_MS = 90_000;

/**
 * Whether a job without its lock was begun by a worker that is gone, and Bull has yet to give it back. That is no sign of a hang: it was begun before the
 * youngest of the workers came, and that was not long ago. A job that was begun since is the present worker's, and one that was never begun was
 * handed to whoever listens: without a lock, both say that nobody works on them.
 */
function isPredecessors(begunAt: number, { seen, host }: Facts, listeners: readonly Connection[]): boolean {
  const at = Date.parse(seen.at);
  const came = Math.max(...listeners.map(({ holder, ageSeconds }) => {
    const container = servingContainer(host, holder);
    // Of one on another node its connection tells.
    return container === undefined ? at - ageSeconds * 1000 : Date.parse(container.startedAt);
  }));
  return begunAt < came && at - came < STALLED_MS;
}

function counts(queues: ReadonlyMap<string, QueueSeen>): string[] {
  return [...queues].map(([queue, { active, waiting }]) => `${queue} at most ${active} active, ${waiting} waiting`);
}

/** The blocked connections of a queue. Another library's carry no queue's name: then any counts for all. */
function listenersOf(facts: Facts, expectations: Expectations, queue: string): readonly Connection[] {
  const { queues } = expectations;
  const blocked = attributed(facts, expectations).filter(({ kind }) => kind === "blocked");
  return blocked.some((it) => queueOf(it, queues) === undefined) ? blocked : blocked.filter((it) => queueOf(it, queues) === queue);
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
