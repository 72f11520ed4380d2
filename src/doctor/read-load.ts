import { type Fact, known, notKnown } from "../verify/fact.ts";
import type { Process, Swap, Watch } from "./facts.ts";
import { both, lines, number, section, type Sections, words } from "./sections.ts";

/** Readers of what the kernel counts, at two moments: their difference is what happened between. */

/** Of the kernel's interface to user space; every architecture that Debian runs on. */
const TICKS_PER_SECOND = 100;

interface CpuTimes {
  readonly total: number;
  readonly idle: number;
  readonly ioWait: number;
  readonly steal: number;
}

/** The line `cpu` of /proc/stat: user nice system idle iowait irq softirq steal … (proc_stat(5)); guest time is in user already. */
function readTimes(text: string): CpuTimes {
  const line = lines(text).find((one) => /^cpu\s/.test(one));
  if (line === undefined) throw new Error("no line `cpu`");
  const values = words(line).slice(1, 9).map((word) => number(word, "cpu"));
  const [, , , idle = 0, ioWait = 0, , , steal = 0] = values;
  return { total: values.reduce((sum, value) => sum + value, 0), idle, ioWait, steal };
}

interface ProcessTimes {
  readonly name: string;
  readonly state: string;
  readonly ticks: number;
}

/** Lines of /proc/PID/stat. The name is in parentheses and may hold blanks and parentheses (proc_pid_stat(5)). */
function readProcesses(text: string): ReadonlyMap<number, ProcessTimes> {
  return new Map(lines(text).flatMap((line): [number, ProcessTimes][] => {
    const match = /^(\d+) \((.*)\) (\S) (.*)$/.exec(line);
    if (match === null) return [];
    const [, pid, name = "", state = "", rest = ""] = match;
    // Behind the state: fields 4 and on; utime and stime are 14 and 15.
    const fields = words(rest);
    return [[Number(pid), { name, state, ticks: Number(fields[10] ?? 0) + Number(fields[11] ?? 0) }]];
  }));
}

/** PID -> id of its container, from lines `/proc/PID/cgroup:…docker…ID`. */
function readGroups(text: string): ReadonlyMap<number, string> {
  return new Map(lines(text).flatMap((line): [number, string][] => {
    const match = /\/proc\/(\d+)\/cgroup:.*?docker[-/]([0-9a-f]{64})/.exec(line);
    return match === null ? [] : [[Number(match[1]), match[2] ?? ""]];
  }));
}

/** Nanoseconds of having and of waiting for a core, of every thread: `/proc/PID/task/TID/schedstat:ON WAITED TURNS`. Key: PID/TID. */
function readThreads(text: string): ReadonlyMap<string, { readonly pid: number; readonly nanoseconds: number }> {
  return new Map(lines(text).flatMap((line): [string, { pid: number; nanoseconds: number }][] => {
    const match = /\/proc\/(\d+)\/task\/(\d+)\/schedstat:(\d+) (\d+) \d+$/.exec(line);
    return match === null ? [] : [[`${match[1]}/${match[2]}`, { pid: Number(match[1]), nanoseconds: Number(match[3]) + Number(match[4]) }]];
  }));
}

/** PID -> cores that it would have taken. */
function demands([before, after]: readonly [ReturnType<typeof readThreads>, ReturnType<typeof readThreads>], seconds: number): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const [thread, { pid, nanoseconds }] of after) {
    const then = before.get(thread);
    if (then !== undefined) found.set(pid, (found.get(pid) ?? 0) + (nanoseconds - then.nanoseconds) / 1e9 / seconds);
  }
  return found;
}

function counters(text: string): ReadonlyMap<string, number> {
  return new Map(lines(text).map((line): [string, number] => {
    const [name = "", value] = words(line);
    return [name, number(value, name)];
  }));
}

/** /proc/PID/schedstat: nanoseconds on a core, nanoseconds waiting for one, turns. */
function readSchedule(text: string): { readonly waited: number; readonly turns: number } {
  const [, waited, turns] = words(text);
  return { waited: number(waited, "time waited"), turns: number(turns, "turns") };
}

export function readWatch(sections: Sections): Fact<Watch> {
  function twice<T>(name: string, read: (text: string) => T): Fact<readonly [T, T]> {
    return both(section(sections, `before-${name}`, read), section(sections, `after-${name}`, read));
  }
  const clock = twice("clock", (text) => number(text, "clock"));
  const cores = section(sections, "cores", (text) => number(text, "cores"));
  const times = twice("stat", readTimes);
  const processes = twice("processes", readProcesses);
  if (!clock.known) return clock;
  if (!cores.known) return cores;
  if (!times.known) return times;
  if (!processes.known) return processes;
  const seconds = clock.value[1] - clock.value[0];
  const [before, after] = times.value;
  const passed = after.total - before.total;
  if (seconds <= 0 || passed <= 0) return notKnown("the clock did not move while the host was watched");
  const groups = section(sections, "groups", readGroups, "read");
  const schedule = twice("schedule", readSchedule);
  const pages = twice("vmstat", counters);
  const threads = twice("threads", readThreads);
  return known({
    seconds,
    cores: cores.value,
    busy: 1 - (after.idle - before.idle + after.ioWait - before.ioWait) / passed,
    steal: (after.steal - before.steal) / passed,
    ioWait: (after.ioWait - before.ioWait) / passed,
    processes: shares(processes.value, seconds, groups.known ? groups.value : new Map(), threads.known ? demands(threads.value, seconds) : new Map()),
    redisWaitMs: schedule.known ? perTurnMs(schedule.value) : undefined,
    swappedPages: pages.known ? swapped(pages.value) : undefined,
  });
}

function shares(
  [before, after]: readonly [ReadonlyMap<number, ProcessTimes>, ReadonlyMap<number, ProcessTimes>], seconds: number,
  groups: ReadonlyMap<number, string>, wanted: ReadonlyMap<number, number>,
): Process[] {
  return [...after].flatMap(([pid, { name, state, ticks }]): Process[] => {
    const then = before.get(pid);
    if (then === undefined || then.name !== name) return [];
    const cpu = Math.max(0, ticks - then.ticks) / TICKS_PER_SECOND / seconds;
    return [{ pid, name, state, cpu, demand: Math.max(cpu, wanted.get(pid) ?? 0), container: groups.get(pid) }];
  }).toSorted((a, b) => b.cpu - a.cpu);
}

function perTurnMs([before, after]: readonly [{ waited: number; turns: number }, { waited: number; turns: number }]): number | undefined {
  const turns = after.turns - before.turns;
  return turns <= 0 ? undefined : (after.waited - before.waited) / turns / 1e6;
}

function swapped([before, after]: readonly [ReadonlyMap<string, number>, ReadonlyMap<string, number>]): number {
  return ["pswpin", "pswpout"].reduce((sum, name) => sum + (after.get(name) ?? 0) - (before.get(name) ?? 0), 0);
}

/** /proc/swaps (a heading, then a line for each, sizes in KiB) and lines `PID NAME KiB` of processes that are partly in it. */
export function readSwap(sections: Sections): Fact<Swap> {
  const swaps = section(sections, "swaps", (text) => lines(text).slice(1).map((line) => {
    const [size, used] = words(line).slice(-3);
    return { total: number(size, "size") * 1024, used: number(used, "used") * 1024 };
  }));
  if (!swaps.known) return swaps;
  const processes = section(sections, "swapped", (text) => lines(text).map((line) => {
    const [, pid, name = "", kib] = /^(\d+) (.*) (\d+)$/.exec(line) ?? [];
    return { pid: number(pid, "pid"), name, bytes: number(kib, name) * 1024 };
  }), "read");
  return known({
    totalBytes: swaps.value.reduce((sum, { total }) => sum + total, 0),
    usedBytes: swaps.value.reduce((sum, { used }) => sum + used, 0),
    processes: processes.known ? processes.value : [],
  });
}

/** `cpu some avg10=91.39 …` -> `cpu some` -> percent of the last ten seconds (PSI); kernels without it give nothing. */
export function readPressure(text: string): ReadonlyMap<string, number> {
  return new Map(lines(text).flatMap((line): [string, number][] => {
    const match = /^(\w+) (some|full) avg10=([\d.]+)/.exec(line);
    return match === null ? [] : [[`${match[1] ?? ""} ${match[2] ?? ""}`, Number(match[3])]];
  }));
}
