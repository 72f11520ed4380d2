import type { Redis } from "ioredis";

/** A job that a worker holds, or that Redis has handed to one. */
export interface ActiveJob {
  readonly id: string;
  /** Milliseconds left to its lock; undefined without one: handed over by Redis itself (BRPOPLPUSH) and not begun, or not renewed for 30 s. */
  readonly lockMs: number | undefined;
  /** When a worker began it, in milliseconds of its clock; undefined: not begun. A second attempt keeps the time of the first until it begins. */
  readonly begunAt: number | undefined;
}

/** What Bull's lists say of a queue at one moment. Names of keys: Bull 4, with its default prefix. */
export interface QueueLook {
  /** The job that a worker takes next. */
  readonly next: string | undefined;
  readonly waiting: number;
  readonly active: readonly ActiveJob[];
  /** The jobs that finished last, which another look tells from others. */
  readonly finished: string;
}

/** Looks, one a second, after which what did not move hangs. A worker that lives begins a job within milliseconds; under load, within one or two. */
export const LOOKS = 5;

/** What several looks in a row say. */
export interface QueueSeen {
  readonly waiting: number;
  readonly active: number;
  /** Longest that one job was there, handed over and not begun, in looks (one a second). */
  readonly notBegun: number;
  /** Longest that one job was the next while nothing was active, in looks. */
  readonly notTaken: number;
  /** Longest that the same jobs were at work, with locks that are renewed, while another waited, in looks. */
  readonly occupied: number;
  /** Of jobs that were begun and whose lock nobody renewed through the last looks: when each was begun, in milliseconds. */
  readonly lost: readonly number[];
  /** Whether somebody works on this queue: a job was begun, finished, or had its lock renewed between two looks. */
  readonly moves: boolean;
}

/** Active jobs that are looked at; a worker rarely has more. */
const MOST_ACTIVE = 50;

/** Looks at each queue; five commands a queue and two an active job. */
export async function lookAtQueues(client: Redis, queues: readonly string[]): Promise<ReadonlyMap<string, QueueLook>> {
  return new Map(await Promise.all(queues.map(async (queue): Promise<[string, QueueLook]> => {
    const key = (name: string) => `bull:${queue}:${name}`;
    const [waiting, next, active, completed, failed] = await Promise.all([
      client.llen(key("wait")), client.lindex(key("wait"), -1), client.lrange(key("active"), 0, MOST_ACTIVE - 1),
      client.zrevrange(key("completed"), 0, 0), client.zrevrange(key("failed"), 0, 0),
    ]);
    const jobs = await Promise.all(active.map(async (id): Promise<ActiveJob> => {
      const [lockMs, begunAt] = await Promise.all([client.pttl(key(`${id}:lock`)), client.hget(key(id), "processedOn")]);
      return { id, lockMs: lockMs < 0 ? undefined : lockMs, begunAt: begunAt === null ? undefined : Number(begunAt) };
    }));
    return [queue, { next: next ?? undefined, waiting, active: jobs, finished: `${completed.join()} ${failed.join()}` }];
  })));
}

/** A job through the looks that it was active at. */
interface Followed extends ActiveJob {
  /** Most that was left to its lock, which is nearly how long Bull takes it for. */
  readonly mostMs: number;
  /** Looks in a row that it was there and not begun. */
  readonly notBegun: number;
  /** Looks in a row that it was begun, and nobody renewed its lock. */
  readonly notRenewed: number;
}

/** Bull renews a lock at half of its time: where less than a third is left, that did not happen. */
const OVERDUE = 1 / 3;

function follow(job: ActiveJob, before: Followed | undefined): Followed {
  const mostMs = Math.max(job.lockMs ?? 0, before?.mostMs ?? 0);
  const begun = job.begunAt !== undefined;
  const renewed = job.lockMs !== undefined && job.lockMs >= mostMs * OVERDUE;
  return {
    ...job, mostMs,
    notBegun: !begun && job.lockMs === undefined ? (before?.notBegun ?? 0) + 1 : 0,
    notRenewed: begun && !renewed ? (before?.notRenewed ?? 0) + 1 : 0,
  };
}

/** Whether a worker did something between two looks. */
function hasMoved(look: QueueLook, before: State): boolean {
  // Left alone, a lock has less and less time.
  return look.finished !== before.last.finished || look.active.some(({ id, lockMs = 0 }) => lockMs > (before.jobs.get(id)?.lockMs ?? 0));
}

interface State {
  readonly looks: number;
  readonly last: QueueLook;
  readonly jobs: ReadonlyMap<string, Followed>;
  readonly atWork: string;
  readonly notTaken: number;
  readonly occupied: number;
  readonly seen: QueueSeen;
}

/** Keeps how long the same was seen. A healthy worker takes a job within milliseconds: what stays through several looks does not move. */
export class QueueWatch {
  readonly #seen = new Map<string, State>();

  note(looks: ReadonlyMap<string, QueueLook>): void {
    for (const [queue, look] of looks) this.#seen.set(queue, after(look, this.#seen.get(queue)));
  }

  /**
   * Whether more looks may tell a worker that hangs from one that works: a job was there at the last one, handed over and not begun or without its lock,
   * or next with nothing active. At the first looks any job counts; later only one that stayed, so that a busy queue, with another one at each look, ends this.
   */
  undecided(): boolean {
    return [...this.#seen.values()].some(({ looks, jobs, notTaken }) => {
      const stayed = Math.max(notTaken, ...[...jobs.values()].map((job) => Math.max(job.notBegun, job.notRenewed)));
      return stayed >= (looks < LOOKS ? 1 : 2) && stayed < LOOKS;
    });
  }

  result(): ReadonlyMap<string, QueueSeen> {
    return new Map([...this.#seen].map(([queue, { seen }]) => [queue, seen]));
  }
}

function after(look: QueueLook, before: State | undefined): State {
  const jobs = new Map(look.active.map((job) => [job.id, follow(job, before?.jobs.get(job.id))]));
  const all = [...jobs.values()];
  const atWork = all.filter(({ lockMs, notRenewed }) => lockMs !== undefined && notRenewed === 0).map(({ id }) => id).join();
  const isNext = look.next !== undefined;
  const notTaken = !isNext || look.active.length > 0 ? 0 : look.next === before?.last.next ? before.notTaken + 1 : 1;
  const occupied = !isNext || atWork === "" ? 0 : atWork === before?.atWork ? before.occupied + 1 : 1;
  const most = before?.seen;
  return {
    looks: (before?.looks ?? 0) + 1, last: look, jobs, atWork, notTaken, occupied,
    seen: {
      waiting: Math.max(look.waiting, most?.waiting ?? 0),
      active: Math.max(look.active.length, most?.active ?? 0),
      notBegun: Math.max(most?.notBegun ?? 0, ...all.map((job) => job.notBegun)),
      notTaken: Math.max(notTaken, most?.notTaken ?? 0),
      occupied: Math.max(occupied, most?.occupied ?? 0),
      lost: all.filter(({ notRenewed }) => notRenewed >= LOOKS).map(({ begunAt = 0 }) => begunAt),
      moves: (most?.moves ?? false) || (before !== undefined && hasMoved(look, before)),
    },
  };
}
