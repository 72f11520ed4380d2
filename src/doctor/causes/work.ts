import { onServer } from "../../verify/advice.ts";
import { BOOT } from "../../verify/rules.ts";
import { plural } from "../../verify/words.ts";
import type { ActiveJob, DoctorFacts, Process, Queue } from "../facts.ts";
import { coreShare, serviceContainer } from "../names.ts";
import type { Cause } from "../types.ts";

/** The queues and who works them: a worker that is gone, one that is there and does nothing, one that is only behind. */

/** The runtime beats every 30 s; 20 s late is not a busy moment. */
const BEAT_LATE_SECONDS = 50;
/** Work that waits longer than this while nothing is taken up. */
const WAITED_SECONDS = 20;
/** Work that waits longer than this although the worker works. */
const BEHIND_SECONDS = 60;
/** A program that never lets go of its core answers nothing else. */
const SPINNING = 0.9;

export function workers(facts: DoctorFacts): Cause[] {
  const { expectations, host, dockerSilent } = facts;
  if (!expectations.known || !host.containers.known || dockerSilent !== undefined) return [];
  const { worker } = expectations.value.processes;
  if (!worker.processes || expectations.value.images["worker"] === undefined) return [];
  const container = serviceContainer(facts, "worker");
  if (container?.status !== "running" && container?.status !== "paused") {
    return [{
      id: "worker.down", level: "critical", what: "no worker runs",
      evidence: [container === undefined ? "no container of worker" : `its container is ${container.status}, exit code ${container.exitCode ?? "?"}, restarts ${container.restarts ?? "?"}`, ...backlog(facts)],
      next: `\`berth logs worker\` says why. What was stopped or removed by hand: ${BOOT}.`,
    }];
  }
  const signs = [...idle(facts), ...beat(facts)];
  // A state alone says nothing: a stopped process is a fault only of a worker from which something is wanted.
  const state = container.status === "paused" ? ["its container is paused"] : processSigns(facts, container.id);
  if (signs.length === 0 && container.status !== "paused") return [];
  return [{
    id: "worker.hung", level: "critical", what: "the worker is connected and does nothing",
    evidence: [...signs, ...state, ...backlog(facts)],
    next: container.status === "paused"
      ? `${onServer("docker unpause", container.name)}.`
      // It cannot hear that it is to end: without a bound Docker would wait for its grace period.
      : `${onServer("docker restart --time 10", container.name)}: its jobs run again. Then find the job that does not yield: work that keeps the event loop belongs in a thread or a process.`,
  }];
}

/** Queues in which nothing moved although there was work, by both looks at them. */
function idle({ before, redis }: DoctorFacts): string[] {
  if (!before.queues.known || !redis.queues.known) return [];
  const earlier = new Map(before.queues.value.map((queue) => [queue.name, queue]));
  return redis.queues.value.flatMap((queue) => {
    const then = earlier.get(queue.name);
    if (then === undefined || queue.paused) return [];
    const stalled = lockless(queue).filter((job) => lockless(then).some(({ id }) => id === job.id));
    const moved = queue.completed !== then.completed || queue.failed !== then.failed || queue.jobs.some((job) => !then.jobs.some(({ id }) => id === job.id));
    const waits = queue.waiting > 0 && (queue.oldestSeconds ?? 0) >= WAITED_SECONDS;
    return [
      ...(stalled.length === 0 ? [] : [`queue ${queue.name}: ${plural(stalled.length, "stalled job")}: active, and nobody renews the lock (job ${stalled[0]?.id ?? "?"})`]),
      ...(!moved && waits && queue.jobs.every(({ lockMs }) => lockMs === undefined) ? [`queue ${queue.name}: ${queue.waiting} waiting for up to ${Math.round(queue.oldestSeconds ?? 0)} s, and nothing is taken up`] : []),
    ];
  });
}

function lockless({ jobs }: Queue): ActiveJob[] {
  return jobs.filter(({ lockMs }) => lockMs === undefined);
}

function beat({ expectations, redis }: DoctorFacts): string[] {
  const heartbeat = expectations.known ? expectations.value.heartbeat : null;
  if (heartbeat === null || !redis.heartbeatTtlMs.known) return [];
  const left = redis.heartbeatTtlMs.value;
  if (left === -2) return [`no heartbeat: the key ${heartbeat.key} has expired (${heartbeat.maxAgeSeconds} s)`];
  const age = heartbeat.maxAgeSeconds - left / 1000;
  return left < 0 || age < BEAT_LATE_SECONDS ? [] : [`the last heartbeat was ${Math.round(age)} s ago (every 30 s)`];
}

function processSigns({ load }: DoctorFacts, container: string): string[] {
  const processes = load.known ? load.value.processes.filter((process) => process.container === container) : [];
  return processes.flatMap((process) => [...(stateWords(process) ?? [])]);
}

function stateWords({ name, pid, state, cpu }: Process): string[] | undefined {
  if (state === "T" || state === "t") return [`process ${pid} (${name}) is stopped (state ${state})`];
  if (state === "D") return [`process ${pid} (${name}) waits for the disk (state D)`];
  return cpu >= SPINNING ? [`process ${pid} (${name}) uses ${coreShare(cpu)}`] : undefined;
}

function backlog({ redis }: DoctorFacts): string[] {
  if (!redis.queues.known) return [];
  const full = redis.queues.value.filter(({ waiting, active }) => waiting + active > 0);
  return full.map(({ name, waiting, active, oldestSeconds }) =>
    `queue ${name}: ${waiting} waiting${oldestSeconds === undefined ? "" : ` (the oldest for ${Math.round(oldestSeconds)} s)`}, ${active} active`);
}

export function queues({ redis, before }: DoctorFacts): Cause[] {
  if (!redis.queues.known) return [];
  const earlier = new Map((before.queues.known ? before.queues.value : []).map((queue) => [queue.name, queue]));
  return redis.queues.value.flatMap((queue): Cause[] => {
    const { name, waiting, active, paused, oldestSeconds } = queue;
    if (waiting === 0) return [];
    if (paused) {
      return [{
        id: "queue.paused", level: "critical", what: `queue ${name} is paused`, evidence: [`${waiting} waiting, ${active} active`],
        next: "`queue.resume()` in the application: somebody paused it there, for every worker.",
      }];
    }
    if ((oldestSeconds ?? 0) < BEHIND_SECONDS) return [];
    const then = earlier.get(name);
    const done = then === undefined ? undefined : queue.completed + queue.failed - then.completed - then.failed;
    return [{
      id: "queue.backlog", level: "warning", what: `queue ${name} is behind`,
      evidence: [`${waiting} waiting, the oldest for ${Math.round(oldestSeconds ?? 0)} s, ${active} active`, ...(done === undefined ? [] : [`${Math.max(0, done)} done while it was watched`])],
      next: "More comes in than is done: a larger server, a higher concurrency in the application, or the worker on a node of its own.",
      changes: [{ key: "server.type", to: undefined, hint: "a larger one" }],
    }];
  });
}
