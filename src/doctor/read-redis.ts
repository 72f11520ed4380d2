import { parseClientList } from "../redis/clients.ts";
import { parseInfo } from "../redis/info.ts";
import { type Fact, known, notKnown } from "../verify/fact.ts";
import { at, entriesAt, listAt, numberAt, textAt } from "../verify/json.ts";
import { messageOf } from "../verify/words.ts";
import type { LatencyEvent, Queue, RedisMoment, SlowEntry } from "./facts.ts";
import { refusal, type Sections } from "./sections.ts";

/** Reader of one conversation with Redis: `redis-cli --json`, each answer behind a mark that Redis said back. */

/** Mark -> what came behind it. */
function answers(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of text.split("\n")) {
    const mark = /^"?@@ ([a-z]+)"?\s*$/.exec(line)?.[1];
    if (mark === undefined) current?.push(line);
    else found.set(mark, (current = []));
  }
  return new Map([...found].map(([name, all]) => [name, all.filter((line) => !line.startsWith("! ")).join("\n").trim()]));
}

/** Sections are split at lines `@@ NAME`; Redis says its marks in quotes, so they stay whole. */
export function readRedis(sections: Sections, name: string): RedisMoment {
  const text = sections.get(name);
  const said = answers(text ?? "");
  const why = text === undefined ? `the facts have no section "${name}"` : refusal(text);

  function answer<T>(mark: string, read: (reply: string) => T): Fact<T> {
    const reply = said.get(mark);
    if (reply === undefined || reply === "") return notKnown(why ?? (said.size === 0 ? lastLine(text ?? "") : `Redis was not asked for ${mark}`));
    const refused = /^error:"(.*)"$|^\(error\) (.*)$/.exec(reply);
    if (refused !== null) return notKnown(`Redis: ${refused[1] ?? refused[2] ?? ""}`);
    try {
      return known(read(reply));
    } catch (error) {
      return notKnown(`Redis's answer to ${mark} is malformed: ${messageOf(error)}`);
    }
  }

  return {
    info: answer("info", (reply) => {
      if (!/^\w+:/m.test(reply)) throw new Error(`no field in "${reply.slice(0, 80)}"`);
      return parseInfo(reply);
    }),
    clients: answer("clients", (reply) => parseClientList(reply)),
    config: answer("config", (reply) => new Map(entriesAt(JSON.parse(reply)).map(([key, value]) => [key, String(value)]))),
    slowlog: answer("slowlog", readSlowlog),
    events: answer("events", readEvents),
    time: answer("time", (reply) => Number(listAt(JSON.parse(reply))[0])),
    heartbeatTtlMs: answer("heartbeat", Number),
    queues: answer("queues", readQueues),
  };
}

function lastLine(text: string): string {
  const line = text.trim().split("\n").at(-1) ?? "";
  return line === "" ? "Redis said nothing" : `Redis: ${line}`;
}

/** Arguments hold what jobs hold: kept are the command and the first word behind it, for commands whose first word is a key or a pattern. */
const NO_SUBJECT = new Set(["AUTH", "HELLO", "EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO", "PUBLISH", "ECHO"]);
const SUBJECT_LENGTH = 40;

/** `[[id, seconds, microseconds, [command, …], address, name], …]` (SLOWLOG GET). */
function readSlowlog(reply: string): SlowEntry[] {
  const entries: unknown = JSON.parse(reply);
  return listAt(entries).map((entry) => {
    const [, seconds, micros, said] = listAt(entry);
    const [first = "?", second = ""] = listAt(said).map(String);
    const command = first.toUpperCase();
    return { at: Number(seconds), ms: Number(micros) / 1000, command, subject: NO_SUBJECT.has(command) ? "" : second.slice(0, SUBJECT_LENGTH) };
  });
}

/** `[[name, seconds, last, worst], …]` in milliseconds (LATENCY LATEST). */
function readEvents(reply: string): LatencyEvent[] {
  return listAt(JSON.parse(reply)).map((entry) => {
    const [name, seconds, last, worst] = listAt(entry);
    return { name: String(name), at: Number(seconds), lastMs: Number(last), worstMs: Number(worst) };
  });
}

/** The script's answer is JSON inside a JSON string; an empty list is `{}` in Lua's. */
function readQueues(reply: string): Queue[] {
  const inner: unknown = JSON.parse(reply);
  const value: unknown = JSON.parse(typeof inner === "string" ? inner : reply);
  const now = numberAt(value, "now") ?? Number.NaN;
  return listAt(value, "queues").map((queue) => {
    const added = milliseconds(at(queue, "oldest", "added"));
    const due = added === undefined ? undefined : added + (numberAt(queue, "oldest", "delay") ?? 0);
    return {
      name: textAt(queue, "name") ?? "?",
      paused: at(queue, "paused") === true,
      waiting: numberAt(queue, "waiting") ?? 0,
      active: numberAt(queue, "active") ?? 0,
      delayed: numberAt(queue, "delayed") ?? 0,
      failed: numberAt(queue, "failed") ?? 0,
      completed: numberAt(queue, "completed") ?? 0,
      oldestSeconds: due === undefined ? undefined : Math.max(0, (now - due) / 1000),
      jobs: listAt(queue, "jobs").map((job) => {
        const lock = numberAt(job, "lock") ?? -2;
        return { id: String(at(job, "id")), begun: milliseconds(at(job, "begun")), lockMs: lock < 0 ? undefined : lock };
      }),
    };
  });
}

/** A time that Bull wrote into a hash: digits, or nothing. */
function milliseconds(value: unknown): number | undefined {
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : undefined;
}
