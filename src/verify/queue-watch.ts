import type { Redis } from "ioredis";

/** What Bull's lists say of a queue at one moment. Names of keys: Bull 4, with its default prefix. */
export interface QueueLook {
  /** The job that a worker takes next. */
  readonly next: string | undefined;
  readonly waiting: number;
  readonly active: readonly string[];
  /** Active without a lock: handed to a worker by Redis itself (BRPOPLPUSH), and not begun, or not renewed for 30 s. */
  readonly unlocked: readonly string[];
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
  /** Longest that the same jobs were active while another waited, in looks. */
  readonly occupied: number;
}

/** Active jobs whose locks are asked for; a worker rarely has more. */
const MOST_ACTIVE = 50;

/** Looks at each queue; two commands a queue and one an active job. */
export async function lookAtQueues(client: Redis, queues: readonly string[]): Promise<ReadonlyMap<string, QueueLook>> {
  return new Map(await Promise.all(queues.map(async (queue): Promise<[string, QueueLook]> => {
    const key = (name: string) => `bull:${queue}:${name}`;
    const [waiting, next, active] = await Promise.all([
      client.llen(key("wait")), client.lindex(key("wait"), -1), client.lrange(key("active"), 0, MOST_ACTIVE - 1),
    ]);
    const locks = await Promise.all(active.map((id) => client.exists(key(`${id}:lock`))));
    return [queue, { next: next ?? undefined, waiting, active, unlocked: active.filter((_, index) => locks[index] === 0) }];
  })));
}

/** Keeps how long the same was seen. A healthy worker takes a job within milliseconds: what stays through several looks does not move. */
export class QueueWatch {
  readonly #seen = new Map<string, { looks: number; last: QueueLook; notBegun: Map<string, number>; notTaken: number; occupied: number; most: QueueSeen }>();

  note(looks: ReadonlyMap<string, QueueLook>): void {
    for (const [queue, look] of looks) {
      const before = this.#seen.get(queue);
      const notBegun = new Map(look.unlocked.map((id) => [id, (before?.notBegun.get(id) ?? 0) + 1]));
      const still = look.next !== undefined && look.next === before?.last.next;
      const notTaken = look.next === undefined || look.active.length > 0 ? 0 : still ? before.notTaken + 1 : 1;
      const same = look.active.join() === before?.last.active.join();
      const occupied = look.next === undefined || look.active.length === 0 ? 0 : same ? before.occupied + 1 : 1;
      const most: QueueSeen = {
        waiting: Math.max(look.waiting, before?.most.waiting ?? 0),
        active: Math.max(look.active.length, before?.most.active ?? 0),
        notBegun: Math.max(0, ...notBegun.values(), before?.most.notBegun ?? 0),
        notTaken: Math.max(notTaken, before?.most.notTaken ?? 0),
        occupied: Math.max(occupied, before?.most.occupied ?? 0),
      };
      this.#seen.set(queue, { looks: (before?.looks ?? 0) + 1, last: look, notBegun, notTaken, occupied, most });
    }
  }

  /**
   * Whether more looks may tell a worker that hangs from one that works: a job was there at the last one, handed over and not begun, or next with
   * nothing active. At the first looks any job counts; later only one that stayed, so that a busy queue, with another one at each look, ends this.
   */
  undecided(): boolean {
    return [...this.#seen.values()].some(({ looks, notBegun, notTaken }) => {
      const stayed = Math.max(0, notTaken, ...notBegun.values());
      return stayed >= (looks < LOOKS ? 1 : 2) && stayed < LOOKS;
    });
  }

  result(): ReadonlyMap<string, QueueSeen> {
    return new Map([...this.#seen].map(([queue, { most }]) => [queue, most]));
  }
}
