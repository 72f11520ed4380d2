import { infoNumber } from "../../redis/info.ts";
import { FORK_FAILS_US } from "../../redis/sizing.ts";
import { bytes, shown } from "../../verify/words.ts";
import type { DoctorFacts } from "../facts.ts";
import { appendOnlyFile } from "../redis-file.ts";
import type { Cause } from "../types.ts";
import { inRedis, onServer } from "../../verify/advice.ts";
import { BOOT, REWRITE, RULES } from "../../verify/rules.ts";
import { containersOf } from "../../verify/services.ts";

/** Redis itself: does it answer, is it as the release made it, does its file keep up. */

/** PING is answered by one that does nothing else: in these milliseconds on average, or once, something holds it up. */
const PING_AVERAGE_MS = 5;
const PING_WORST_MS = 250;

export function redisAnswers(facts: DoctorFacts): Cause[] {
  const { info } = facts.redis;
  if (info.known) return loading(facts);
  const { containers } = facts.host;
  if (facts.dockerSilent !== undefined || !containers.known || facts.expectations.known && facts.expectations.value.images["redis"] === undefined) return [];
  const [container] = containersOf(containers.value, "redis");
  if (container?.status === "running") {
    return [{
      id: "redis.silent", level: "critical", what: "Redis runs and does not answer",
      evidence: [info.why, ...busiest(facts)],
      next: `A slow command or script holds every client: \`berth logs redis\`. A script that has written nothing is ended by ${inRedis("SCRIPT KILL")}.`,
    }];
  }
  return [{
    id: "redis.down", level: "critical", what: "Redis does not run",
    evidence: [
      container === undefined ? "no container of redis" : `its container is ${container.status}, exit code ${container.exitCode ?? "?"}${container.oomKilled ? ", killed for want of memory" : ""}`,
      `application: everything that needs a queue waits`,
    ],
    next: container?.status === "paused"
      ? `${onServer("docker unpause", container.name)}.`
      : `\`berth logs redis\` says why it stopped. Once that is mended, ${BOOT} starts it, and what waits for it, in order.`,
    changes: container?.oomKilled === true ? [{ key: "redis.memoryMb", to: undefined, hint: "more, by the rule" }] : [],
  }];
}

function busiest({ load }: DoctorFacts): string[] {
  const redis = load.known ? load.value.processes.find(({ name }) => name.startsWith("redis-server")) : undefined;
  return redis === undefined ? [] : [`its process: state ${redis.state}, ${Math.round(redis.cpu * 100)} % of a core`];
}

function loading({ redis, expectations }: DoctorFacts): Cause[] {
  const info = redis.info.known ? redis.info.value : new Map<string, string>();
  if ((infoNumber(info, "loading") ?? 0) === 0) return [];
  const [loaded, total, left] = ["loading_loaded_bytes", "loading_total_bytes", "loading_eta_seconds"].map((field) => infoNumber(info, field));
  const uptime = infoNumber(info, "uptime_in_seconds");
  const figures = loaded === undefined || total === undefined ? "loading:1" : `loading:1, ${bytes(loaded)} of ${bytes(total)} read (${info.get("loading_loaded_perc") ?? "?"} %)`;
  return [{
    id: "redis.loading", level: "critical", what: "Redis is loading its append-only file",
    evidence: [
      figures, ...(left === undefined ? [] : [`by its own estimate ${left} s more`]), ...(uptime === undefined ? [] : [`Redis started ${uptime} s ago`]),
      ...(expectations.known ? ["until then every command but INFO is answered LOADING"] : []),
    ],
    next: "Wait; nothing has to be restarted. Does it outlast redis.loadSeconds, raise that and app.startupSeconds, and bound what jobs leave behind (removeOnComplete).",
    changes: [{ key: "redis.loadSeconds", to: undefined, hint: "longer than a load takes" }],
  }];
}

/** Without it every job is in memory alone, and a restart is the wrong answer to whatever else is amiss. */
export function redisFile(facts: DoctorFacts): Cause[] {
  const { status, seen, advice } = appendOnlyFile(facts);
  if (status !== "fail") return [];
  return [{
    id: "redis.aof", level: "critical", what: "Redis's append-only file is off: new jobs are in memory alone",
    evidence: [`${seen}, required: on`, "a crash or a restart of Redis loses every job added since, and brings back those that were done since"],
    next: advice,
  }];
}

/** Settings that have a cause of their own. */
const TOLD_APART: ReadonlySet<string> = new Set(["appendonly", "save", "maxmemory-policy"]);

export function redisSettings(facts: DoctorFacts): Cause[] {
  const { config } = facts.redis;
  if (!config.known) return [];
  const running = config.value;
  const released = facts.expectations.known ? new Map(Object.entries(facts.expectations.value.redis.config)) : new Map<string, string>();
  const causes: Cause[] = [];
  const save = running.get("save");
  if (save !== undefined && save !== "") {
    const info = facts.redis.info.known ? facts.redis.info.value : new Map<string, string>();
    causes.push({
      id: "redis.save", level: "warning", what: "RDB snapshots are on: each forks a process as large as the data",
      evidence: [
        `CONFIG GET save: "${save}", the release has ""`,
        `${info.get("rdb_changes_since_last_save") ?? "?"} changes since the last snapshot; the last fork took ${milliseconds(infoNumber(info, "latest_fork_usec"))}`,
      ],
      next: `Somebody set it by hand, and no update takes that back. Now, without a restart: ${inRedis('CONFIG SET save ""')}.`,
    });
  }
  const policy = running.get("maxmemory-policy");
  if (policy !== undefined && policy !== "noeviction") {
    causes.push({
      id: "redis.policy", level: "critical", what: `a full Redis deletes jobs (maxmemory-policy ${policy})`,
      evidence: [`CONFIG GET maxmemory-policy: ${policy}, the release has noeviction`],
      next: `Set it back: ${inRedis("CONFIG SET maxmemory-policy noeviction")}. Then look which jobs are missing, and who set it.`,
    });
  }
  const other = [...running].filter(([name, value]) => !TOLD_APART.has(name) && released.has(name) && released.get(name) !== value);
  if (other.length > 0) {
    causes.push({
      id: "redis.changed", level: "warning", what: "Redis does not run with the release's settings",
      evidence: other.map(([name, value]) => `${name} is ${shown(value)}, the release has ${shown(released.get(name) ?? "")}`),
      next: RULES["redis.config"].todo,
    });
  }
  return causes;
}

function milliseconds(usec: number | undefined): string {
  return usec === undefined ? "? ms" : `${(usec / 1000).toFixed(1)} ms`;
}

export function redisPersistence({ redis, before }: DoctorFacts): Cause[] {
  if (!redis.info.known) return [];
  const info = redis.info.value;
  const causes: Cause[] = [];
  const bad = ["aof_last_write_status", "aof_last_bgrewrite_status"].filter((field) => info.has(field) && info.get(field) !== "ok");
  if (bad.length > 0) {
    causes.push({
      id: "redis.aof-status", level: "critical", what: "Redis could not write its append-only file",
      evidence: bad.map((field) => `${field}:${info.get(field) ?? ""}`),
      next: `Room on the volume (\`berth doctor disk\`), then I/O errors (\`berth ssh -- sudo dmesg | tail\`), then memory for a fork. ${REWRITE}.`,
    });
  }
  const late = (infoNumber(info, "aof_delayed_fsync") ?? 0) - (before.info.known ? infoNumber(before.info.value, "aof_delayed_fsync") ?? 0 : Number.POSITIVE_INFINITY);
  if (late > 0) {
    causes.push({
      id: "redis.fsync", level: "warning", what: "the disk is slower than Redis's flush each second",
      evidence: [`aof_delayed_fsync rose by ${late} while it was watched`],
      next: "Find what else writes (`berth doctor disk`, `berth doctor stats`: BLOCK I/O); no-appendfsync-on-rewrite would only hide it.",
    });
  }
  const fork = infoNumber(info, "latest_fork_usec") ?? 0;
  if (fork >= FORK_FAILS_US) {
    causes.push({
      id: "redis.fork", level: "warning", what: "a fork holds Redis up", evidence: [`the last fork took ${milliseconds(fork)}: every client waited`],
      next: "Less data in Redis (bounded job retention), or a server type with its own cores (ccx*).", changes: [{ key: "server.type", to: undefined, hint: "a larger one" }],
    });
  }
  return causes;
}

export function redisLatency({ ping, intrinsicMs }: DoctorFacts): Cause[] {
  if (!ping.known) return [];
  const { min, average, max, samples } = ping.value;
  if (average < PING_AVERAGE_MS && max < PING_WORST_MS) return [];
  return [{
    id: "redis.latency", level: "warning", what: "Redis answers late",
    evidence: [
      `redis-cli --latency: min ${min}, avg ${average}, max ${max} ms (${samples} samples)`,
      ...(intrinsicMs.known ? [`intrinsic: a program beside Redis was kept from running for up to ${intrinsicMs.value.toFixed(1)} ms`] : []),
    ],
    next: "No cause is visible at this moment: `berth doctor slowlog`, `berth doctor commands`; again while it is slow. Else a Redis of its own machine.",
    changes: [{ key: "server.type", to: undefined, hint: "a larger one" }],
  }];
}
