import type { Facts } from "../seen.ts";
import { servingContainer } from "../services.ts";
import type { Check, Expectations } from "../types.ts";
import type { CheckId } from "../rules.ts";
import { fail, pass, unknown } from "../verdict.ts";
import { FULL, isFull } from "./consuming.ts";

/** The application's own word: does it answer, does it renew its heartbeat, does a job come back. */

export function appReady({ seen }: Facts, { api }: Expectations): Check {
  const expected = `200 on ${api.readyPath}`;
  const ready = seen.api.ready;
  if (!ready.known) return fail("app.ready", ready.why, expected);
  const { status, ms, body } = ready.value;
  if (status === 200) return pass("app.ready", `200 after ${ms} ms`, expected);
  return fail("app.ready", `${status}${body === "" ? "" : `: ${body}`}`, expected);
}

/** Clocks of one machine, but Redis counts in whole milliseconds and Docker writes the start after the process has begun. */
const SLACK_SECONDS = 2;

/** The runtime beats three times in the key's life: at two thirds of it, two beats are missing. A little more, for a beat that is on its way. */
const OLD = 0.72;

/**
 * The key expires `maxAgeSeconds` after each renewal, so that what is left of it tells its age. One that is older than the
 * worker is its predecessor's: a dead worker must not pass on a heartbeat that it never gave.
 */
export function appHeartbeat({ seen, host }: Facts, { heartbeat }: Expectations): Check[] {
  if (heartbeat === null) return [];
  const { key, maxAgeSeconds } = heartbeat;
  const expected = `${key} renewed by this worker within ${maxAgeSeconds} s`;
  const ttl = seen.redis.heartbeatTtlMs;
  if (!ttl.known) return [unknown("app.heartbeat", ttl.why, expected)];
  if (ttl.value === -2) return [fail("app.heartbeat", `no key ${key}`, expected)];
  if (ttl.value < 0) return [fail("app.heartbeat", `${key} has no expiry: it would look alive for ever`, expected, "Renew it with SETEX (the runtime's heartbeat does).")];
  const left = Math.round(ttl.value / 1000);
  const age = Math.max(0, maxAgeSeconds - left);
  const worker = servingContainer(host, "worker");
  const uptime = worker === undefined ? Number.NaN : (Date.parse(seen.at) - Date.parse(worker.startedAt)) / 1000;
  if (age > uptime + SLACK_SECONDS) {
    return [fail("app.heartbeat", `renewed ${age} s ago, before this worker started (${Math.round(uptime)} s ago)`, expected)];
  }
  return [pass("app.heartbeat", `renewed ${age} s ago, expires in ${left} s`, expected, age > maxAgeSeconds * OLD ? "old: two beats in a row did not come" : undefined)];
}

/** One check per queue, where the application takes part. */
export function appCanary(facts: Facts, expectations: Expectations): Check[] {
  const { api, queues } = expectations;
  if (api.canaryPath === null) return [];
  const { canary } = facts.seen.api;
  return queues.map((queue) => {
    const id: CheckId = `app.canary.${queue}`;
    const expected = "a job through the queue came back";
    if (!canary.known) return fail(id, canary.why, expected);
    const answer = canary.value.get(queue);
    if (answer === undefined) return fail(id, `the answer does not name the queue ${queue}`, expected);
    if (answer.ok) return pass(id, answer.detail, expected);
    // Behind long jobs it says nothing against the release: through the one before, it would wait as well.
    return answer.waiting === true && isFull(facts, expectations, queue) ? pass(id, answer.detail, expected, FULL) : fail(id, answer.detail, expected);
  });
}
