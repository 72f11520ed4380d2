import type { Info } from "../../redis/info.ts";
import type { DoctorFacts, SlowEntry } from "../facts.ts";
import type { Cause } from "../types.ts";

/** Slow commands: Redis does one at a time, and every client waits for it. */

/** Slow ones older than this are history, in seconds. */
const RECENT_SECONDS = 600;
/**
 * Commands that look at everything there is. One of them in SLOWLOG is reason enough; any other may only have been kept from its core. Not those of a range
 * (LRANGE, ZRANGE): Bull asks for a few jobs by them, and who asks for all shows by the average.
 */
const WHOLE = new Set(["KEYS", "SMEMBERS", "HGETALL", "HKEYS", "HVALS", "SORT", "SORT_RO", "SUNION", "SINTER", "SDIFF", "FLUSHALL", "FLUSHDB", "MONITOR"]);
/** Of its own nature slow: this long on average over all its calls, in milliseconds. */
const SLOW_AVERAGE_MS = 5;
/** All clients feel it: this long at worst, or this share of Redis's time. */
const WORST_MS = 100;
const SHARE = 0.1;

export interface CommandCalls {
  readonly calls: number;
  /** In all, in milliseconds. */
  readonly ms: number;
}

/** `cmdstat_keys:calls=38,usec=2300000,…` -> KEYS. */
export function commandCalls(info: Info): ReadonlyMap<string, CommandCalls> {
  return new Map([...info].flatMap(([field, text]): [string, CommandCalls][] => {
    const name = /^cmdstat_(.+)$/.exec(field)?.[1];
    const [, calls, usec] = /^calls=(\d+),usec=(\d+)/.exec(text) ?? [];
    return name === undefined ? [] : [[name.toUpperCase(), { calls: Number(calls), ms: Number(usec) / 1000 }]];
  }));
}

export function recentSlow({ redis }: DoctorFacts): SlowEntry[] {
  if (!redis.slowlog.known) return [];
  const now = redis.time.known ? redis.time.value : Math.max(0, ...redis.slowlog.value.map(({ at }) => at));
  return redis.slowlog.value.filter(({ at }) => at >= now - RECENT_SECONDS);
}

export function slowCommands(facts: DoctorFacts): Cause[] {
  const slow = recentSlow(facts);
  const calls = facts.redis.info.known ? commandCalls(facts.redis.info.value) : new Map<string, CommandCalls>();
  const before = facts.before.info.known ? commandCalls(facts.before.info.value) : undefined;
  return [...new Set(slow.map(({ command }) => command))].flatMap((command): Cause[] => {
    const own = slow.filter((entry) => entry.command === command);
    const all = calls.get(command);
    const average = all === undefined || all.calls === 0 ? undefined : all.ms / all.calls;
    if (!WHOLE.has(command) && (average ?? 0) < SLOW_AVERAGE_MS) return [];
    const worst = Math.max(...own.map(({ ms }) => ms));
    const meanwhile = watched(command, calls, before);
    const share = meanwhile === undefined || !facts.load.known ? 0 : meanwhile.ms / (facts.load.value.seconds * 1000);
    const subject = own[0]?.subject ?? "";
    return [{
      id: "redis.slow-command",
      level: worst >= WORST_MS || share >= SHARE ? "critical" : "warning",
      what: `${command}${subject === "" ? "" : ` ${subject}`} holds every client of Redis up`,
      evidence: [
        `SLOWLOG: ${own.length} of it in ${RECENT_SECONDS / 60} min, the worst ${worst.toFixed(1)} ms`,
        ...(average === undefined ? [] : [`${average.toFixed(1)} ms a call, ${all?.calls ?? 0} calls since Redis started`]),
        ...(meanwhile === undefined || meanwhile.calls === 0 ? [] : [`while it was watched: ${meanwhile.calls} calls, ${Math.round(share * 100)} % of Redis's time`]),
      ],
      next: instead(command),
    }];
  });
}

function watched(command: string, after: ReadonlyMap<string, CommandCalls>, before: ReadonlyMap<string, CommandCalls> | undefined): CommandCalls | undefined {
  if (before === undefined) return undefined;
  const [then, now] = [before.get(command) ?? { calls: 0, ms: 0 }, after.get(command)];
  return now === undefined ? undefined : { calls: now.calls - then.calls, ms: now.ms - then.ms };
}

function instead(command: string): string {
  const who = "`berth doctor clients` (cmd=) shows who sends it.";
  switch (command) {
    case "KEYS": return `Use SCAN in its place, or counts that the queue keeps (getJobCounts). ${who}`;
    case "EVAL": case "EVALSHA": case "FCALL": return `A script over too many keys at once: fewer jobs in a bulk, smaller limits for queue.clean and getJobs. ${who}`;
    default: return `Ask for a part at a time (the *SCAN form, a range with a limit), or keep less under one key. ${who}`;
  }
}
