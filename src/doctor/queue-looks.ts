import type { ActiveJob, DoctorFacts, Queue } from "./facts.ts";

/** What came to pass in the queues between the two looks at them. */

export interface Looked {
  /** As it was at the second look. */
  readonly queue: Queue;
  /** Jobs that ended meanwhile, as far as they are kept. */
  readonly done: number;
  /** A job ended, was begun, or had its lock renewed: somebody works here. */
  readonly moved: boolean;
  /** Active without a lock at both looks. */
  readonly stalled: readonly ActiveJob[];
}

/** Queues that were seen twice; none when Redis answered only once. */
export function bothLooks({ before, redis }: DoctorFacts): Looked[] {
  // What Redis said last is what it said first when it did not answer again.
  if (!before.queues.known || !redis.queues.known || redis.queues === before.queues) return [];
  const earlier = new Map(before.queues.value.map((queue) => [queue.name, queue]));
  return redis.queues.value.flatMap((queue) => {
    const then = earlier.get(queue.name);
    if (then === undefined) return [];
    const stalled = queue.jobs.filter((job) => job.lockMs === undefined && then.jobs.some(({ id, lockMs }) => id === job.id && lockMs === undefined));
    return [{ queue, done: Math.max(0, queue.completed + queue.failed - then.completed - then.failed), moved: hasMoved(then, queue), stalled }];
  });
}

/**
 * Counts alone do not tell: with removeOnComplete they stay. Nor does a job that became active: Redis itself hands it to a client that waits, whether
 * the process behind it runs or not. Only who runs takes a lock, renews it, or takes a job off the list.
 */
function hasMoved(then: Queue, now: Queue): boolean {
  return now.completed !== then.completed || now.failed !== then.failed
    || then.jobs.some((job) => now.jobs.every(({ id }) => id !== job.id))
    || now.jobs.some((job) => (job.lockMs ?? 0) > (then.jobs.find(({ id }) => id === job.id)?.lockMs ?? 0));
}
