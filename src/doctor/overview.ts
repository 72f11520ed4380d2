import { infoNumber } from "../redis/info.ts";
import type { Fact } from "../verify/fact.ts";
import { bytes, percent, plural } from "../verify/words.ts";
import { runningServices, containersOf } from "../verify/services.ts";
import { commandCalls, recentSlow } from "./causes/commands.ts";
import type { ActiveJob, DoctorFacts } from "./facts.ts";
import { burners, coreShare } from "./names.ts";
import type { Line } from "./types.ts";
import { attributed } from "./verify-facts.ts";
import { leftJobs } from "./workers.ts";

/** What was seen, a line for each of what one looks at when production is slow, in the order one looks. */
export function overview(facts: DoctorFacts): Line[] {
  const lines = everything(facts);
  const elsewhere = redisElsewhere(facts);
  if (elsewhere === undefined) return lines;
  const at = lines.findIndex(({ label }) => OF_REDIS.has(label));
  return lines.filter(({ label }) => !OF_REDIS.has(label)).toSpliced(at, 0, { label: "redis", text: elsewhere, known: true });
}

const OF_REDIS: ReadonlySet<string> = new Set(["latency", "intrinsic", "commands", "slowlog", "events", "aof", "headroom", "clients", "queues"]);

/** Where Redis is when it is not on this node of several; nine lines that say so would be eight too many. */
function redisElsewhere({ expectations }: DoctorFacts): string | undefined {
  const node = expectations.known ? expectations.value.node : undefined;
  if (node === undefined || node.redis === "here" || (expectations.known && expectations.value.redis.managed !== null)) return undefined;
  // Files of a release from before nodes had names for each other, or had them in words, say no more.
  const { node: name, address } = { ...(node as Partial<typeof node>).at?.redis };
  return name === undefined ? "on another node" : `on node ${name}, ${address ?? ""}: \`berth doctor\` looks at it there`;
}

function everything(facts: DoctorFacts): Line[] {
  return [
    line("cpu", facts.load, (load) => {
      const most = burners(facts).filter(({ cpu }) => cpu >= 0.05).slice(0, 3).map(({ name, cpu }) => `${name} ${coreShare(cpu)}`);
      return `${plural(load.cores, "core")}, ${Math.round(load.busy * 100)} % busy, ${Math.round(load.steal * 100)} % stolen, ${Math.round(load.ioWait * 100)} % waiting for disks${most.length === 0 ? "" : `; ${most.join(", ")}`}`;
    }),
    line("memory", facts.host.memory, ({ available, total }) => `${bytes(available)} of ${bytes(total)} available (${percent(available, total)})`),
    line("swap", facts.swap, ({ totalBytes, usedBytes, processes }) => totalBytes === 0 ? "none" : `${bytes(usedBytes)} of ${bytes(totalBytes)} used${processes.length === 0 ? "" : `: ${processes.slice(0, 3).map(({ name, bytes: size }) => `${name} ${bytes(size)}`).join(", ")}`}`),
    line("disk", facts.fileSystems, (all) => all.map((disk) => `${disk.target} ${bytes(disk.availableBytes)} of ${bytes(disk.sizeBytes)} free (${percent(disk.availableBytes, disk.sizeBytes)})`).join(", ")),
    line("latency", facts.ping, ({ min, average, max, samples }) => `PING min ${min}, avg ${average}, max ${max} ms (${samples} samples)`),
    line("intrinsic", facts.intrinsicMs, (ms) => `a program beside Redis was kept from running for ${ms.toFixed(1)} ms at worst${waits(facts)}`),
    line("commands", facts.redis.info, (info) => {
      const busiest = [...commandCalls(info)].toSorted(([, a], [, b]) => b.ms - a.ms).slice(0, 3);
      return busiest.map(([name, { calls, ms }]) => `${name} ${calls} x ${(ms / Math.max(1, calls)).toFixed(2)} ms`).join(", ");
    }),
    line("slowlog", facts.redis.slowlog, () => {
      const slow = recentSlow(facts);
      const [worst] = slow.toSorted((a, b) => b.ms - a.ms);
      return worst === undefined ? "nothing over 10 ms in 10 minutes" : `${slow.length} over 10 ms in 10 minutes, the worst ${worst.command} ${worst.ms.toFixed(1)} ms`;
    }),
    line("events", facts.redis.events, (events) => events.length === 0 ? "LATENCY: nothing over 100 ms" : events.map(({ name, worstMs, at }) => `${name} ${worstMs} ms${ago(facts, at)}`).join(", ")),
    line("aof", facts.redis.info, (info) => persistence(facts, info)),
    line("headroom", facts.redis.info, (info) => {
      const [used, most] = [infoNumber(info, "used_memory"), infoNumber(info, "maxmemory")];
      if (used === undefined) return "INFO shows no used_memory";
      return `${bytes(used)}${most === undefined || most === 0 ? ", no maxmemory" : ` of ${bytes(most)} maxmemory (${percent(used, most)})`}, resident ${bytes(infoNumber(info, "used_memory_rss") ?? 0)}, ${info.get("evicted_keys") ?? "?"} evicted`;
    }),
    line("clients", facts.redis.clients, (clients) => {
      const info = facts.redis.info.known ? facts.redis.info.value : new Map<string, string>();
      const blocked = `${info.get("blocked_clients") ?? "?"} blocked, ${info.get("rejected_connections") ?? "?"} refused since Redis started`;
      if (!facts.expectations.known) return `${clients.length} connections, ${blocked}`;
      const held = attributed(facts, clients, facts.expectations.value);
      const holders = [...new Set(held.map(({ holder }) => holder))].toSorted((a, b) => a.localeCompare(b));
      return `${held.length} of at most ${facts.expectations.value.connectionCeiling} (${holders.map((holder) => `${holder} ${held.filter((one) => one.holder === holder).length}`).join(", ")}), ${blocked}`;
    }),
    ...queueLines(facts),
    line("containers", facts.host.containers, (containers) => {
      const own = facts.expectations.known ? runningServices(facts.expectations.value).flatMap((service) => containersOf(containers, service)) : containers;
      const healthy = own.filter(({ status, health }) => status === "running" && health === "healthy").length;
      const kills = facts.host.controlGroups.known ? [...facts.host.controlGroups.value.values()].reduce((sum, { oomKills }) => sum + (oomKills ?? 0), 0) : undefined;
      return `${healthy} of ${own.length} healthy, ${own.reduce((sum, { restarts }) => sum + (restarts ?? 0), 0)} restarts, ${kills ?? "?"} OOM kills`;
    }),
  ];
}

function line<T>(label: string, fact: Fact<T>, say: (value: T) => string): Line {
  return fact.known ? { label, text: say(fact.value), known: true } : { label, text: fact.why, known: false };
}

function waits({ load }: DoctorFacts): string {
  const wait = load.known ? load.value.redisWaitMs : undefined;
  return wait === undefined ? "" : `; Redis waited ${wait.toFixed(2)} ms for a core at each turn`;
}

function ago({ redis }: DoctorFacts, at: number): string {
  return redis.time.known ? ` (${Math.max(0, redis.time.value - at)} s ago)` : "";
}

function persistence({ host }: DoctorFacts, info: ReadonlyMap<string, string>): string {
  if (info.get("loading") === "1") return `loading: ${info.get("loading_loaded_perc") ?? "?"} %, ${info.get("loading_eta_seconds") ?? "?"} s more by its estimate`;
  const size = host.aof.known ? `, ${bytes(host.aof.value)} on disk` : "";
  const fork = infoNumber(info, "latest_fork_usec") ?? 0;
  return `${info.get("aof_enabled") === "1" ? "on" : "off"}${size}, last write ${info.get("aof_last_write_status") ?? "?"}, last rewrite ${info.get("aof_last_bgrewrite_status") ?? "?"}, ` +
    `${info.get("aof_delayed_fsync") ?? "?"} late flushes, last fork ${(fork / 1000).toFixed(1)} ms`;
}

function queueLines(facts: DoctorFacts): Line[] {
  const { redis } = facts;
  const left = leftJobs(facts);
  if (!redis.queues.known) return [{ label: "queues", text: redis.queues.why, known: false }];
  return redis.queues.value.map(({ name, waiting, oldestSeconds, active, delayed, failed, completed, paused, jobs }) => ({
    label: `queue ${name}`,
    text: `${waiting} waiting${oldestSeconds === undefined ? "" : ` (oldest ${Math.round(oldestSeconds)} s)`}, ${active} active, ${jobs.filter(({ lockMs }) => lockMs === undefined).length} stalled, ` +
      `${delayed} delayed, ${failed} failed, ${completed} done${paused ? ", PAUSED" : ""}${leftWords(left.get(name) ?? [])}`,
    known: true,
  }));
}

/** Without a lock for 25 to 75 s after the kill, as measured: Bull's lasts 30 s, and what has none runs again after the second look for such, 30 s apart. */
function leftWords(jobs: readonly ActiveJob[]): string {
  const [first] = jobs;
  if (first === undefined) return "";
  return `; a worker that was killed left ${plural(jobs.length, "stalled job")} (${first.id}${jobs.length === 1 ? "" : ", …"}): within 90 s Bull itself runs ${jobs.length === 1 ? "it" : "them"} again`;
}
