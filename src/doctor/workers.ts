import { isLocal, processOf } from "../redis/clients.ts";
import { nodeOf } from "../verify/nodes.ts";
import type { Place } from "../verify/types.ts";
import type { ActiveJob, DoctorFacts } from "./facts.ts";
import { serviceContainer } from "./names.ts";
import { bothLooks } from "./queue-looks.ts";

/** Where the workers are, since when, and what one that is gone has left. */

/** Whether the release has a worker on this node. */
export function worksHere({ expectations }: DoctorFacts): boolean {
  return expectations.known && expectations.value.processes.worker.processes && expectations.value.images["worker"] !== undefined;
}

/** Other nodes with a worker, as the node with Redis knows them; none on any other. */
export function workerNodes({ expectations }: DoctorFacts): Place[] {
  const node = expectations.known && expectations.value.processes.worker.processes ? expectations.value.node : undefined;
  if (node?.redis !== "here") return [];
  // Files of an older release may not name them.
  const { instances = [], others = [] } = node as Partial<typeof node>;
  return [...instances, ...others].flatMap(({ holder, process, address }) => {
    const name = nodeOf(holder);
    return process === "worker" && name !== undefined && address !== null ? [{ node: name, address }] : [];
  });
}

/**
 * Ages of what is connected to Redis from a worker's node at either look, in seconds. An API on the same node is told by the names of its connections;
 * where it has given none, it may pass for the worker.
 */
export function connectedFrom({ before, redis, expectations }: DoctorFacts, { address }: Place): number[] {
  const queues = expectations.known ? expectations.value.queues : [];
  const clients = [before, redis].flatMap((look) => (look.clients.known ? look.clients.value : []));
  return clients.filter((client) => !isLocal(client) && client.host === address && processOf(client, ["api"], queues) === undefined).map(({ ageSeconds }) => ageSeconds ?? 0);
}

/** For how long a worker has been there: the one that has been for longest, in seconds. 0: none is, or it is not known. */
export function workedSeconds(facts: DoctorFacts): number {
  const container = worksHere(facts) ? serviceContainer(facts, "worker") : undefined;
  const here = container?.status === "running" || container?.status === "paused" ? (Date.parse(facts.at) - Date.parse(container.startedAt)) / 1000 : 0;
  return Math.max(0, here, ...workerNodes(facts).flatMap((place) => connectedFrom(facts, place)));
}

/**
 * Jobs without a lock that are no sign of a worker that hangs: one that was killed left them, and they run again by themselves once a worker's next
 * looks for stalled jobs find them. That is so where jobs move all the same, and of what was begun before any worker that is there.
 * @returns by the queue's name
 */
export function leftJobs(facts: DoctorFacts): ReadonlyMap<string, readonly ActiveJob[]> {
  const looks = bothLooks(facts);
  const works = looks.some(({ moved }) => moved);
  const seconds = workedSeconds(facts);
  const since = seconds > 0 ? Date.parse(facts.at) - seconds * 1000 : Number.NEGATIVE_INFINITY;
  return new Map(looks.map(({ queue, stalled }) => [queue.name, stalled.filter(({ begun }) => works || (begun !== undefined && begun < since))]));
}
