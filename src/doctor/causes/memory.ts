import { isService } from "../../config/roles.ts";
import { infoNumber } from "../../redis/info.ts";
import { MEMORY_FAILS, MEMORY_WARNS, OVERHEAD_MB } from "../../redis/sizing.ts";
import { bytes, percent, plural } from "../../verify/words.ts";
import type { DoctorFacts } from "../facts.ts";
import { holderOf } from "../names.ts";
import type { Cause, Change } from "../types.ts";

/** Memory: Redis against its maxmemory, each container against its limit, the host, and swap. */

const MIB = 1024 ** 2;
const CONTAINER_WARNS = 0.9;
const CONTAINER_FAILS = 0.97;
const HOST_WARNS = 0.1;
const HOST_FAILS = 0.05;

export function redisMemory({ redis }: DoctorFacts): Cause[] {
  if (!redis.info.known) return [];
  const info = redis.info.value;
  const [used, most, peak, fragmentation] = ["used_memory", "maxmemory", "used_memory_peak", "mem_fragmentation_ratio"].map((field) => infoNumber(info, field));
  if (used === undefined || most === undefined || most === 0 || used < most * MEMORY_WARNS) return [];
  const evicted = infoNumber(info, "evicted_keys") ?? 0;
  const wanted = Math.ceil(most / MIB) * 2;
  return [{
    id: "redis.memory", level: used >= most * MEMORY_FAILS ? "critical" : "warning", what: "Redis's memory is nearly used up",
    evidence: [
      `INFO memory: ${bytes(used)} of ${bytes(most)} maxmemory (${percent(used, most)})${peak === undefined ? "" : `, peak ${bytes(peak)}`}${fragmentation === undefined ? "" : `, fragmentation ${fragmentation}`}`,
      "at 100 % no job can be added, and no worker can take one (noeviction)",
      ...(evicted > 0 ? [`${evicted} keys were evicted since Redis started`] : []),
    ],
    next: "Drain the queues or bound what jobs leave behind (removeOnComplete, removeOnFail); if it is all needed, more memory by the rule maxmemory <= (limit - 128) / 2.",
    changes: [{ key: "redis.maxmemoryMb", to: String(wanted) }, { key: "redis.memoryMb", to: String(wanted * 2 + OVERHEAD_MB) }],
  }];
}

export function outOfMemory({ host }: DoctorFacts): Cause[] {
  if (!host.containers.known || !host.controlGroups.known || !host.baseline.known) return [];
  const groups = host.controlGroups.value;
  const { oom, restarts } = host.baseline.value;
  return host.containers.value.flatMap((container): Cause[] => {
    const kills = (groups.get(container.id)?.oomKills ?? 0) - (oom.get(container.id) ?? 0);
    // A restart begins a new control group, which counts from 0; Docker's flag stays from the last death, which is this release's where it restarted since.
    const died = container.oomKilled && (container.status !== "running" || (container.restarts ?? 0) > (restarts.get(container.id) ?? 0));
    if (kills <= 0 && !died) return [];
    return [{
      id: "memory.oom", level: "critical", what: `${container.service} was killed for want of memory`,
      evidence: [
        kills > 0 ? `${plural(kills, "OOM kill")} in its control group since the release began` : "Docker's word: its last end was an OOM kill",
        `limit ${bytes(container.memoryBytes ?? 0)}, restarts ${container.restarts ?? 0}`,
      ],
      next: `A larger limit for ${container.service}, or find its leak: \`berth doctor stats\` again in an hour.`,
      changes: larger(container.service, container.memoryBytes),
    }];
  });
}

function larger(service: string, limit: number | undefined): Change[] {
  // What is not a role has no setting that holds its limit.
  if (!isService(service)) return [];
  return [{ key: `${service}.memoryMb`, to: limit === undefined || limit === 0 ? undefined : String(Math.ceil((limit / MIB) * 1.5)) }];
}

export function containerMemory(facts: DoctorFacts): Cause[] {
  if (!facts.stats.known) return [];
  return facts.stats.value.flatMap(({ id, name, usedBytes, limitBytes, memory }): Cause[] => {
    const holder = holderOf(facts, id);
    // A stranger without a limit has the host's memory for one: the host's own rule judges that.
    if (!(usedBytes >= limitBytes * CONTAINER_WARNS) || (!holder.own && !facts.others.known)) return [];
    return [{
      id: "memory.container", level: usedBytes >= limitBytes * CONTAINER_FAILS ? "critical" : "warning", what: `${holder.name} is near its memory limit`,
      evidence: [`docker stats: ${name} ${memory} (${percent(usedBytes, limitBytes)}), page cache left out`],
      next: "At the limit the kernel reclaims, then kills. A larger limit, or find what holds the memory.",
      changes: holder.own ? larger(holder.name, limitBytes) : [],
    }];
  });
}

export function hostMemory(facts: DoctorFacts): Cause[] {
  const { memory } = facts.host;
  if (!memory.known || memory.value.available >= memory.value.total * HOST_WARNS) return [];
  const { available, total } = memory.value;
  const largest = facts.stats.known ? facts.stats.value.toSorted((a, b) => b.usedBytes - a.usedBytes).slice(0, 3) : [];
  return [{
    id: "memory.host", level: available < total * HOST_FAILS ? "critical" : "warning", what: "the host has little memory left",
    evidence: [
      `/proc/meminfo: ${bytes(available)} of ${bytes(total)} available (${percent(available, total)})`,
      ...(largest.length === 0 ? [] : [`largest containers: ${largest.map(({ name, usedBytes }) => `${name} ${bytes(usedBytes)}`).join(", ")}`]),
    ],
    next: "A server type with more memory, or smaller limits; programs beside Docker need host.reserveMb.",
    changes: [{ key: "server.type", to: undefined, hint: "a larger one" }, { key: "host.reserveMb", to: undefined, hint: "what runs beside Docker" }],
  }];
}

/** Swap used by others than Redis is told from this much on: a few cold pages of a daemon are nobody's delay. */
const SWAP_SHARE = 0.25;
/** Pages a second in and out at which the host is short of memory now: 4 MiB. */
const PAGES_PER_SECOND = 1000;

export function swapping({ swap, load, host }: DoctorFacts): Cause[] {
  if (!swap.known || swap.value.totalBytes === 0) return [];
  const { totalBytes, usedBytes, processes } = swap.value;
  const redis = processes.filter(({ name }) => name.startsWith("redis-server")).reduce((sum, { bytes: size }) => sum + size, 0);
  const pages = load.known && load.value.swappedPages !== undefined ? load.value.swappedPages / load.value.seconds : 0;
  if (redis === 0 && usedBytes < totalBytes * SWAP_SHARE && pages < PAGES_PER_SECOND) return [];
  const evidence = [
    ...(redis > 0 ? [`VmSwap of redis-server: ${bytes(redis)}`] : []),
    `swap: ${bytes(usedBytes)} of ${bytes(totalBytes)} used; ${Math.round(pages)} pages a second in and out`,
    ...(processes.length === 0 ? [] : [`most in it: ${processes.slice(0, 3).map(({ name, bytes: size }) => `${name} ${bytes(size)}`).join(", ")}`]),
    ...(host.memory.known ? [`memory: ${bytes(host.memory.value.available)} of ${bytes(host.memory.value.total)} available`] : []),
  ];
  const advice = "`berth ssh -- sudo swapoff -a` takes it back where memory is free. Berth makes no swap: who did, also has to take it out of /etc/fstab. Short of memory: a larger server, smaller limits.";
  return [{
    id: redis > 0 ? "swap.redis" : "swap.host", level: redis > 0 ? "critical" : "warning",
    what: redis > 0 ? "part of Redis is in swap: each touch of it waits for the disk" : "the host swaps",
    evidence, next: advice, changes: [{ key: "server.type", to: undefined, hint: "a larger one" }],
  }];
}
