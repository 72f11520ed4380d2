import { readExpectations } from "./read-expectations.ts";
import { parseFacts, splitSections } from "../verify/facts.ts";
import type { DoctorFacts, FileSystem, RedisMoment } from "./facts.ts";
import { type Fact, known } from "../verify/fact.ts";
import { readOthers, readStats } from "./read-containers.ts";
import { readPressure, readSwap, readWatch } from "./read-load.ts";
import { readRedis } from "./read-redis.ts";
import { lines, number, refusal, section, type Sections, words } from "./sections.ts";

/** Reads what `server/doctor.sh` wrote. Nothing is required: a fact that is missing says why. */
export function parseDoctor(stream: string): DoctorFacts {
  const sections = splitSections(stream);
  const [before, after] = [readRedis(sections, "before-redis"), readRedis(sections, "after-redis")];
  return {
    at: instant(sections),
    release: /^release (\S+)/m.exec(sections.get("doctor") ?? "")?.[1] ?? "",
    dockerSilent: refusal(sections.get("docker") ?? ""),
    host: parseFacts(stream),
    expectations: section(sections, "expectations", readExpectations),
    load: readWatch(sections),
    pressure: section(sections, "pressure", readPressure),
    swap: readSwap(sections),
    fileSystems: readFileSystems(sections),
    largest: section(sections, "largest", readLargest, "read"),
    stats: section(sections, "stats", readStats),
    others: section(sections, "others", readOthers),
    ping: section(sections, "latency", readPing),
    intrinsicMs: section(sections, "intrinsic", readIntrinsic),
    before,
    redis: later(before, after),
  };
}

function instant(sections: Sections): string {
  const clock = ["after-clock", "before-clock"].map((name) => Number(sections.get(name) ?? Number.NaN)).find((seconds) => seconds > 0);
  return new Date(Math.round(clock ?? 0) * 1000).toISOString();
}

/** What Redis last said of each. */
function later(before: RedisMoment, after: RedisMoment): RedisMoment {
  const one = <T>(first: Fact<T>, second: Fact<T>): Fact<T> => (second.known || !first.known ? second : first);
  return {
    info: one(before.info, after.info),
    clients: one(before.clients, after.clients),
    config: one(before.config, after.config),
    slowlog: one(before.slowlog, after.slowlog),
    events: one(before.events, after.events),
    time: one(before.time, after.time),
    heartbeatTtlMs: one(before.heartbeatTtlMs, after.heartbeatTtlMs),
    queues: one(before.queues, after.queues),
  };
}

/** `df`: a heading, then lines whose first word is the target. */
function table(text: string): string[][] {
  return lines(text).slice(1).map(words);
}

function readFileSystems(sections: Sections): Fact<readonly FileSystem[]> {
  const now = section(sections, "filesystems", (text) => table(text).map(([target = "", size, available, inodes, free]) => ({
    target,
    sizeBytes: number(size, "size"),
    availableBytes: number(available, "avail"),
    // Some file systems have no table of inodes.
    inodes: Number(inodes) || 0,
    freeInodes: Number(free) || 0,
  })));
  if (!now.known) return now;
  const space = (name: string) => section(sections, name, (text) => new Map(table(text).map(([target = "", available]) => [target, number(available, "avail")])));
  const clock = (name: string) => section(sections, name, (text) => number(text, "clock"));
  const [first, last, from, to] = [space("before-space"), space("after-space"), clock("before-clock"), clock("after-clock")];
  const seconds = from.known && to.known ? to.value - from.value : 0;
  return known(now.value.map((one) => {
    const [then, since] = [first.known ? first.value.get(one.target) : undefined, last.known ? last.value.get(one.target) : undefined];
    return { ...one, lossPerSecond: then === undefined || since === undefined || seconds <= 0 ? undefined : (then - since) / seconds };
  }));
}

/** `du`: bytes and path. */
function readLargest(text: string): { path: string; bytes: number }[] {
  return lines(text).map((line) => {
    const [, bytes, path = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    return { path, bytes: number(bytes, "bytes") };
  });
}

/** `min max average samples` in milliseconds. */
function readPing(text: string) {
  const [min, max, average, samples] = words(lines(text).find((line) => /^[\d.]+ [\d.]+ [\d.]+ \d+$/.test(line)) ?? text);
  return { min: number(min, "min"), max: number(max, "max"), average: number(average, "avg"), samples: number(samples, "samples") };
}

/** The last `Max latency so far: N microseconds.` */
function readIntrinsic(text: string): number {
  const all = [...text.matchAll(/Max latency so far: (\d+) microseconds/g)];
  return number(all.at(-1)?.[1], "max latency") / 1000;
}
