import { redisCli } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";

export interface Lost {
  /** Without a completed row in Postgres, or with several. */
  readonly rows: string[];
  /** That Redis does not have as completed exactly once. */
  readonly completed: string[];
  /** How often jobs ran again: their counters that are not 0. */
  readonly again: string[];
  /** How many failed. */
  readonly failed: string;
}

/** What became of jobs that were taken, asked past the application. */
export async function lost(it: Rehearsal, taken: readonly string[]): Promise<Lost> {
  const rows = (await it.execOn("postgres", ["docker", "exec", "berth-postgres-1", "psql", "-U", "app", "-d", "app", "-tAc", "select id from jobs where state = 'completed'"])).split("\n");
  const completed = (await redisCli(it, "ZRANGE bull:file:completed 0 -1", "ZRANGE bull:email:completed 0 -1")).split("\n");
  const again = (await redisCli(it, ...taken.flatMap((id) => ["file", "email"].map((queue) => `HMGET bull:${queue}:${id} stalledCounter attemptsMade`)))).split("\n");
  const failed = (await redisCli(it, "EVAL \"return redis.call('ZCARD', 'bull:file:failed') + redis.call('ZCARD', 'bull:email:failed')\" 0")).trim();
  const once = (list: readonly string[]) => (id: string): boolean => list.filter((one) => one === id).length !== 1;
  return { rows: taken.filter(once(rows)), completed: taken.filter(once(completed)), again: again.filter((field) => !["", "0"].includes(field.trim())), failed };
}
