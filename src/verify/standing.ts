import { attributed } from "./attribution.ts";
import { judge } from "./checks/index.ts";
import { foreigners } from "./checks/connections.ts";
import type { Facts } from "./seen.ts";
import type { Check, Expectations } from "./types.ts";

/**
 * What was so before the release began is not its doing: a rollback would not mend it, and would take away the release that meets it or was to
 * repair it. The facts of then are judged by the same checks; what fails now and failed then, for the same reason, is put down to the host. It
 * fails all the same.
 */

/** Told by one number that the release did not move. */
const BY_VERDICT: ReadonlySet<string> = new Set(["redis.memory", "redis.fork", "postgres.connections"]);
/** Told item by item: a new one is the release's. */
const BY_ITEMS: ReadonlySet<string> = new Set(["exposure.ports", "exposure.firewall", "drift.files"]);
/** Of a Redis that runs on: one that the release restarted has the release's settings, or fails by them. */
const BY_RUN: ReadonlySet<string> = new Set(["redis.save", "redis.aof", "redis.eviction-policy", "redis.config"]);

/** The checks with what stood before put down to the host. `before` is undefined where nothing is known of it. */
export function withStanding(checks: readonly Check[], now: Facts, before: Facts | undefined, expectations: Expectations): Check[] {
  if (before === undefined) return [...checks];
  const then = new Map(judge(before, expectations).map((check) => [check.id, check]));
  const sameRun = runOf(before) !== undefined && runOf(before) === runOf(now);
  const stood = new Set(checks.filter((check) => {
    const earlier = then.get(check.id);
    if (check.status !== "fail" || earlier?.status !== "fail") return false;
    if (BY_VERDICT.has(check.id)) return true;
    if (BY_ITEMS.has(check.id)) return items(check).every((item) => items(earlier).includes(item));
    if (BY_RUN.has(check.id)) return sameRun && check.seen === earlier.seen;
    return check.id === "connections.foreign" && strangers(now, expectations).every((holder) => strangers(before, expectations).includes(holder));
  }).map(({ id }) => id));
  const failing = new Map(checks.filter(({ status }) => status === "fail").map((check) => [check.id, check]));
  for (const id of followers(failing, stood)) stood.add(id);
  return checks.map((check) => (stood.has(check.id) ? { ...check, cause: "host", standing: true } : check));
}

/** What fails only because of what stood before. */
function followers(failing: ReadonlyMap<string, Check>, stood: ReadonlySet<string>): string[] {
  const ids = [...failing.keys()];
  const full = ids.some((id) => id.startsWith("app.canary.") && /OOM command not allowed/.test(failing.get(id)?.seen ?? ""));
  return ids.filter((id) => {
    if (id === "connections.total") return stood.has("connections.foreign") && !failing.has("connections.maximum");
    if (id === "exposure.metadata") return stood.has("exposure.firewall");
    if (id === "redis.evictions") return stood.has("redis.eviction-policy");
    // A full Redis refuses the canary and the heartbeat, whichever release sends them.
    return full && stood.has("redis.memory") && (id === "app.heartbeat" || id.startsWith("app.canary."));
  });
}

function items({ seen }: Check): string[] {
  return seen.split("; ");
}

function runOf({ seen }: Facts): string | undefined {
  return seen.redis.info.known ? seen.redis.info.value.get("run_id") : undefined;
}

/** Whose foreign connections they are; one whose container is not known, by its address. */
function strangers(facts: Facts, expectations: Expectations): string[] {
  return foreigners(attributed(facts, expectations), expectations).map(({ holder, address }) => (holder === "unknown" ? address.replace(/:\d+$/, "") : holder));
}
