import { infoNumber } from "../../redis/info.ts";
import { maxmemoryLimit, MEMORY_FAILS, MEMORY_WARNS, OVERHEAD_MB } from "../../redis/sizing.ts";
import type { Facts } from "../seen.ts";
import type { Check, Expectations } from "../types.ts";
import { fail, pass, unknown } from "../verdict.ts";
import { bytes, percent, shown } from "../words.ts";
import { silentNode } from "./elsewhere.ts";

/** Redis itself: does it answer, does it keep what it is given. */

export function redisReady({ seen }: Facts, { node }: Expectations): Check {
  const expected = "PONG and loading:0";
  const { ready } = seen.redis;
  if (ready.known) return pass("redis.ready", `PONG after ${ready.value} ms`, expected);
  const silent = silentNode("redis.ready", ready.why, expected, "Redis", node?.at.redis);
  if (silent !== undefined) return silent;
  const check = fail("redis.ready", ready.why, expected);
  // Redis refuses commands because it cannot write: the disk's doing, and no older release writes to it either.
  return /MISCONF/.test(ready.why) ? { ...check, cause: "host", advice: "The volume is full or broken: see redis.aof-status and host.disk." } : check;
}

export function redisLoading({ seen }: Facts): Check {
  const info = seen.redis.info;
  if (!info.known) return unknown("redis.loading", info.why, "loading:0");
  const loading = info.value.get("loading");
  if (loading === undefined) return unknown("redis.loading", "provider-managed: INFO shows no `loading`", "loading:0");
  if (loading === "0") return pass("redis.loading", "loading:0", "loading:0");
  const left = info.value.get("loading_eta_seconds");
  return fail("redis.loading", `loading:${loading}${left === undefined ? "" : `, about ${left} s left`}`, "loading:0");
}

export function redisSave({ seen }: Facts): Check {
  const expected = 'save ""';
  const config = seen.redis.config;
  if (!config.known) return unknown("redis.save", config.why, expected);
  const save = config.value.get("save");
  if (save === undefined) return unknown("redis.save", "provider-managed: CONFIG GET shows no `save`", expected);
  return save === "" ? pass("redis.save", expected, expected) : fail("redis.save", `save "${save}"`, expected);
}

export function redisAof({ seen }: Facts): Check {
  const expected = "aof_enabled:1";
  const info = seen.redis.info;
  if (!info.known) return unknown("redis.aof", info.why, expected);
  const enabled = info.value.get("aof_enabled");
  // Redis says 0 until it has loaded the file, whatever is set.
  if (enabled === "0" && info.value.get("loading") === "1") return unknown("redis.aof", "not told while Redis loads, see redis.loading", expected);
  if (enabled === undefined) return unknown("redis.aof", "provider-managed: INFO shows no `aof_enabled`", expected);
  return enabled === "1" ? pass("redis.aof", expected, expected) : fail("redis.aof", `aof_enabled:${enabled}`, expected);
}

export function redisAofStatus({ seen }: Facts): Check {
  const expected = "last write ok, last rewrite ok";
  const info = seen.redis.info;
  if (!info.known) return unknown("redis.aof-status", info.why, expected);
  const write = info.value.get("aof_last_write_status");
  const rewrite = info.value.get("aof_last_bgrewrite_status");
  if (write === undefined || rewrite === undefined) return unknown("redis.aof-status", "provider-managed: INFO shows no state of the append-only file", expected);
  const said = `last write ${write}, last rewrite ${rewrite}`;
  return write === "ok" && rewrite === "ok" ? pass("redis.aof-status", said, expected) : fail("redis.aof-status", said, expected);
}

export function redisEvictionPolicy({ seen }: Facts): Check {
  const { info, config } = seen.redis;
  if (!info.known) return unknown("redis.eviction-policy", info.why, "noeviction");
  const policy = info.value.get("maxmemory_policy") ?? (config.known ? config.value.get("maxmemory-policy") : undefined);
  if (policy === undefined) return unknown("redis.eviction-policy", "provider-managed: neither INFO nor CONFIG GET shows it", "noeviction");
  return policy === "noeviction" ? pass("redis.eviction-policy", policy, "noeviction") : fail("redis.eviction-policy", policy, "noeviction");
}

export function redisMaxmemory({ seen }: Facts, { redis, memoryBytes }: Expectations): Check {
  const limit = memoryBytes["redis"];
  const most = limit === undefined ? undefined : maxmemoryLimit(limit, OVERHEAD_MB * 1024 ** 2);
  const expected = `${bytes(redis.maxmemoryBytes)}${most === undefined ? "" : `, at most ${bytes(most)}`}`;
  const info = seen.redis.info;
  if (!info.known) return unknown("redis.maxmemory", info.why, expected);
  const maxmemory = infoNumber(info.value, "maxmemory");
  if (maxmemory === undefined) return unknown("redis.maxmemory", "provider-managed: INFO shows no `maxmemory`", expected);
  const said = maxmemory === 0 ? "no limit" : bytes(maxmemory);
  const kept = maxmemory === redis.maxmemoryBytes && (most === undefined || maxmemory <= most);
  return kept ? pass("redis.maxmemory", said, expected) : fail("redis.maxmemory", said, expected);
}

export function redisMemory({ seen }: Facts): Check {
  const expected = "under 70 % of maxmemory";
  const info = seen.redis.info;
  if (!info.known) return unknown("redis.memory", info.why, expected);
  const used = infoNumber(info.value, "used_memory");
  const maxmemory = infoNumber(info.value, "maxmemory");
  if (used === undefined || maxmemory === undefined) return unknown("redis.memory", "provider-managed: INFO shows no memory", expected);
  if (maxmemory === 0) return fail("redis.memory", `${bytes(used)} of no limit`, expected, "See redis.maxmemory.");
  const said = `${bytes(used)}, ${percent(used, maxmemory)} of ${bytes(maxmemory)}`;
  if (used >= maxmemory * MEMORY_FAILS) return fail("redis.memory", said, expected);
  if (used >= maxmemory * MEMORY_WARNS) return pass("redis.memory", said, expected, "over 70 %: at 85 % this fails, at 100 % no job can be added");
  return pass("redis.memory", said, expected);
}

export function redisConfig({ seen }: Facts, { redis }: Expectations): Check {
  const wanted = Object.entries(redis.config);
  const expected = `${wanted.length} settings as in redis.conf`;
  const config = seen.redis.config;
  if (!config.known) return unknown("redis.config", config.why, expected);
  const running = config.value;
  const other = wanted.filter(([name, value]) => running.has(name) && running.get(name) !== value);
  if (other.length > 0) {
    const list = other.map(([name, value]) => `${name} is ${shown(running.get(name) ?? "")}, the release has ${shown(value)}`);
    return fail("redis.config", list.join("; "), expected);
  }
  const hidden = wanted.filter(([name]) => !running.has(name)).map(([name]) => name);
  if (hidden.length > 0) return unknown("redis.config", `provider-managed: CONFIG GET shows no ${hidden.join(", ")}`, expected);
  return pass("redis.config", `${wanted.length} settings as in redis.conf`, expected);
}
