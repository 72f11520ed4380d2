import { infoNumber } from "../../redis/info.ts";
import { FORK_FAILS_US } from "../../redis/sizing.ts";
import type { Facts } from "../seen.ts";
import type { Check } from "../types.ts";
import type { CheckId } from "../rules.ts";
import { fail, pass, unknown } from "../verdict.ts";

/** Redis on its host: counters since the release, forks, and the kernel's settings. */

/** A counter less what it was when the release began; a restarted Redis counts from zero again. */
function sinceRelease(id: CheckId, { seen, host }: Facts, field: string, which: "evicted" | "rejected"): Check {
  const expected = "0 since the release began";
  const { info } = seen.redis;
  if (!info.known) return unknown(id, info.why, expected);
  const now = infoNumber(info.value, field);
  if (now === undefined) return unknown(id, `provider-managed: INFO shows no \`${field}\``, expected);
  if (!host.baseline.known) return now === 0 ? pass(id, "0 since Redis started", expected) : unknown(id, `${now} since Redis started; ${host.baseline.why}`, expected);
  const before = host.baseline.value.redis;
  const base = before !== undefined && before.runId === info.value.get("run_id") ? before[which] ?? 0 : 0;
  const risen = now - base;
  return risen <= 0 ? pass(id, expected, expected) : fail(id, `${risen} since the release began`, expected);
}

export function redisEvictions(facts: Facts): Check {
  return sinceRelease("redis.evictions", facts, "evicted_keys", "evicted");
}

export function redisRejected(facts: Facts): Check {
  return sinceRelease("redis.rejected", facts, "rejected_connections", "rejected");
}

const FORK_WARNS_US = 100_000;

export function redisFork({ seen }: Facts): Check {
  const expected = "last fork under 500 ms";
  const { info } = seen.redis;
  if (!info.known) return unknown("redis.fork", info.why, expected);
  const fork = infoNumber(info.value, "latest_fork_usec");
  if (fork === undefined) return unknown("redis.fork", "provider-managed: INFO shows no `latest_fork_usec`", expected);
  const delayed = infoNumber(info.value, "aof_delayed_fsync") ?? 0;
  const said = `last fork ${fork === 0 ? "none" : fork < 1000 ? "under 1 ms" : `${Math.round(fork / 1000)} ms`}, ${delayed} delayed fsyncs`;
  if (fork >= FORK_FAILS_US) return fail("redis.fork", said, expected);
  if (fork >= FORK_WARNS_US) return pass("redis.fork", said, expected, "every client waits while Redis forks");
  return pass("redis.fork", said, expected, delayed > 0 ? "the disk is slower than appendfsync asks of it" : undefined);
}

export function redisHugepages({ host }: Facts): Check {
  const expected = "off for Redis's process";
  const own = host.redisStatus.known ? host.redisStatus.value.get("THP_enabled") : undefined;
  if (own === "0") return pass("redis.hugepages", "off for Redis's process (THP_enabled 0)", expected);
  if (!host.hugepages.known) return unknown("redis.hugepages", host.hugepages.why, expected);
  const mode = host.hugepages.value;
  // Redis's allocator asks for none, so `madvise` gives it none.
  return mode === "always" ? fail("redis.hugepages", "on: the host's choice is `always`", expected) : pass("redis.hugepages", `the host's choice is \`${mode}\``, expected);
}

export function redisOvercommit({ host }: Facts): Check {
  const expected = "vm.overcommit_memory = 1";
  if (!host.sysctl.known) return unknown("redis.overcommit", host.sysctl.why, expected);
  const value = host.sysctl.value.get("vm.overcommit_memory");
  if (value === undefined || value === "") return unknown("redis.overcommit", 'the facts\' section "sysctl" does not have it', expected);
  const said = `vm.overcommit_memory = ${value}`;
  return value === "1" ? pass("redis.overcommit", said, expected) : fail("redis.overcommit", said, expected);
}

export function redisSwap({ host }: Facts): Check {
  const expected = "VmSwap 0 kB";
  if (!host.redisStatus.known) return unknown("redis.swap", host.redisStatus.why, expected);
  const swap = host.redisStatus.value.get("VmSwap");
  // A kernel without swap does not print it.
  if (swap === undefined) return unknown("redis.swap", "the kernel shows no VmSwap of Redis", expected);
  return swap === "0 kB" ? pass("redis.swap", "VmSwap 0 kB", expected) : fail("redis.swap", `VmSwap ${swap}`, expected);
}
