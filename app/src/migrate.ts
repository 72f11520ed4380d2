import { setTimeout as sleep } from "node:timers/promises";
import { openPool } from "./database.ts";
import { createLog, messageOf } from "./log.ts";
import { migrate } from "./migration.ts";

/** How long an unreachable Postgres is waited for, in milliseconds; it is healthy before this runs, as a rule. */
const WAIT_MS = 30_000;
const RETRY_EVERY_MS = 500;
/** Not reachable, or starting: Postgres's own 57P03 among them. Everything else is not mended by waiting. */
const WAITING_HELPS = /^(?:ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|57P03)$/;

/** Run once per release, before its processes start. */
const log = createLog("migrate", process.env["LOG_LEVEL"]);

async function main(): Promise<void> {
  const pool = openPool(process.env, "berth-migrate", (error) => log.repeated(`postgres: ${messageOf(error)}`));
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    try {
      const applied = await migrate(pool);
      log.info(applied.length === 0 ? "nothing to migrate" : `applied ${applied.join(", ")}`);
      return await pool.end();
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      if (!WAITING_HELPS.test(code) || performance.now() > deadline) throw error;
      log.repeated(`waiting for Postgres: ${messageOf(error)}`);
      await sleep(RETRY_EVERY_MS);
    }
  }
}

main().catch((error: unknown) => {
  log.error(`the migration failed: ${messageOf(error)}`);
  process.exit(1);
});
