import { onNode, onServer } from "../../verify/advice.ts";
import { BOOT } from "../../verify/rules.ts";
import type { Place } from "../../verify/types.ts";
import { plural } from "../../verify/words.ts";
import { entryOf } from "../advice.ts";
import type { DoctorFacts, Process, Queue } from "../facts.ts";
import { coreShare, serviceContainer } from "../names.ts";
import { bothLooks } from "../queue-looks.ts";
import type { Cause } from "../types.ts";
import { connectedFrom, leftJobs, workedSeconds, workerNodes, worksHere } from "../workers.ts";

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
  if (!expectations.known || !host.containers.known || dockerSilent !== undefined || !worksHere(facts)) return [];
  const container = serviceContainer(facts, "worker");
  if (container?.status !== "running" && container?.status !== "paused") {
    const { node } = expectations.value;
    return [{
      id: "worker.down", level: "critical", what: node === undefined ? "no worker runs" : `no worker runs on node ${node.name}`,
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
      : `${onServer("docker restart --time 10", container.name)}: its jobs run again. ${FIND_JOB}`,
  }];
}

/** Workers on other nodes: what this one with Redis sees of them. Their containers and processes are seen there. */
export function workersElsewhere(facts: DoctorFacts): Cause[] {
  const { expectations, redis } = facts;
  const places = workerNodes(facts);
  if (!expectations.known || !redis.clients.known || places.length === 0) return [];
  const gone = places.filter((place) => connectedFrom(facts, place).length === 0);
  const there = places.filter((place) => !gone.includes(place));
  const signs = [...idle(facts), ...beat(facts)];
  const causes: Cause[] = [];
  if (gone.length > 0) {
    const alone = there.length === 0 && !worksHere(facts);
    causes.push({
      id: "worker.down", level: alone ? "critical" : "warning", what: `${alone ? "no worker" : "a worker"} is connected to Redis${alone ? "" : " no more"}: ${onNodes(gone)}`,
      evidence: [`no connection from ${addresses(gone)}`, ...(alone ? beat(facts, Number.POSITIVE_INFINITY) : []), ...backlog(facts)],
      next: `${status(gone)} says whether its container runs, \`berth logs worker\` why not. A server that is off, or cut off, answers neither: look at it in Hetzner's web interface.`,
    });
  }
  // Of a worker on this node as well, Redis cannot say which of them it is that does nothing.
  if (there.length > 0 && signs.length > 0 && !worksHere(facts)) {
    causes.push({
      id: "worker.hung", level: "critical", what: `the worker is connected and does nothing: ${onNodes(there)}`,
      evidence: [...signs, `connected from ${addresses(there)}`, ...backlog(facts)],
      next: `${status(there)} says whether it is healthy, \`berth logs worker\` what it did last. One that hangs: ${there.map(({ node }) => onNode(node, "docker restart --time 10", `${expectations.value.project}-worker-1`)).join(", ")}: its jobs run again. ${FIND_JOB}`,
    });
  }
  return causes;
}

const FIND_JOB = "Then find the job that does not yield: work that keeps the event loop belongs in a thread or a process.";

function onNodes(places: readonly Place[]): string {
  return `${places.length === 1 ? "node" : "nodes"} ${places.map(({ node }) => node).join(", ")}`;
}

function addresses(places: readonly Place[]): string {
  return places.map(({ node, address }) => `node ${node} (${address})`).join(", ");
}

function status(places: readonly Place[]): string {
  return places.map(({ node }) => `\`berth status --node=${node}\``).join(", ");
}

/** Queues in which nothing moved although there was work, by both looks at them. */
function idle(facts: DoctorFacts): string[] {
  const left = leftJobs(facts);
  const seconds = workedSeconds(facts);
  return bothLooks(facts).filter(({ queue }) => !queue.paused).flatMap(({ queue, moved, stalled }) => {
    const held = stalled.filter((job) => left.get(queue.name)?.includes(job) !== true);
    const waited = Math.min(queue.oldestSeconds ?? 0, seconds);
    return [
      ...(held.length === 0 ? [] : [`queue ${queue.name}: ${plural(held.length, "stalled job")}: active, and nobody renews the lock (job ${held[0]?.id ?? "?"})`]),
      ...(!moved && queue.waiting > 0 && waited >= WAITED_SECONDS && isUntouched(queue) ? [`queue ${queue.name}: ${queue.waiting} waiting for up to ${Math.round(queue.oldestSeconds ?? 0)} s, and nothing is taken up`] : []),
    ];
  });
}

/** What is active has been handed out by Redis, and begun by nobody who is there. */
function isUntouched({ jobs }: Queue): boolean {
  return jobs.every(({ lockMs }) => lockMs === undefined);
}

/** @param seconds for how long there has been somebody who beats: of one that has just started, the last beat may be its predecessor's */
function beat(facts: DoctorFacts, seconds = workedSeconds(facts)): string[] {
  const { expectations, redis } = facts;
  const heartbeat = expectations.known ? expectations.value.heartbeat : null;
  if (heartbeat === null || !redis.heartbeatTtlMs.known || seconds < BEAT_LATE_SECONDS) return [];
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

export function queues(facts: DoctorFacts): Cause[] {
  const { redis } = facts;
  if (!redis.queues.known) return [];
  const looks = bothLooks(facts);
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
    const look = looks.find((one) => one.queue === queue);
    const evidence = [`${waiting} waiting, the oldest for ${Math.round(oldestSeconds ?? 0)} s, ${active} active`, ...(look === undefined ? [] : [`${look.done} done while it was watched`])];
    if (look !== undefined && !look.moved && isUntouched(queue)) {
      return [{
        id: "queue.backlog", level: "warning", what: `queue ${name} stands still`, evidence,
        next: "Nobody takes its jobs. Is the process that is meant to connected, and does it process this queue? `berth doctor clients`, then its log (`berth logs worker`).",
      }];
    }
    return [{ id: "queue.backlog", level: "warning", what: `queue ${name} is behind`, evidence, ...moreWork(facts) }];
  });
}

/** Of a worker on a node of its own, that node is what a larger server means. */
function moreWork(facts: DoctorFacts): Pick<Cause, "next" | "changes"> {
  const [place] = worksHere(facts) ? [] : workerNodes(facts);
  if (place !== undefined) {
    return {
      next: `More comes in than is done: a larger server for node ${place.node}, a higher concurrency in the application, or one more such node (its count).`,
      changes: [{ key: `nodes.${entryOf(place.node)}.serverType`, to: undefined, hint: "a larger one" }],
    };
  }
  return {
    next: "More comes in than is done: a larger server, a higher concurrency in the application, or the worker on a node of its own.",
    changes: [{ key: "server.type", to: undefined, hint: "a larger one" }],
  };
}
