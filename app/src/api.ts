import { type Heartbeat, onShutdown, validateProduction } from "berth-runtime";
import { openPool } from "./database.ts";
import { followEvents } from "./events.ts";
import { JobStore } from "./job-store.ts";
import { createLog, messageOf } from "./log.ts";
import { assertMigrated } from "./migration.ts";
import { closeQueues, openQueues } from "./queues.ts";
import { buildServer } from "./server.ts";
import { readSettings } from "./settings.ts";
import { startWork, startWorkerHeartbeat } from "./work.ts";

/**
 * The API. It listens for HTTP at once and says 503 on /readyz until Redis and Postgres answer: a Redis that loads its AOF for
 * a minute is waited for, not crashed on.
 */
const log = createLog("api", process.env["LOG_LEVEL"]);

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const { apiProcesses } = settings;
  const pool = openPool(process.env, "berth-api", (error) => log.repeated(`postgres: ${messageOf(error)}`));
  const store = new JobStore(pool);
  const queues = openQueues(process.env, "api", { listens: true, processes: apiProcesses }, (error) => log.repeated(`redis: ${messageOf(error)}`));
  let started = false;
  const server = buildServer({ settings, queues, store, log, started: () => started });

  const ending = new AbortController();
  let heartbeat: Heartbeat | undefined;
  onShutdown({
    logger: log,
    steps: [
      () => ending.abort(),
      () => heartbeat?.stop(),
      () => server.close(),
      () => closeQueues(queues),
      () => pool.end(),
      () => log.info("ended"),
    ],
  });

  const address = await server.listen({ host: settings.host, port: settings.port });
  log.info(`${settings.name} ${settings.version} listens on ${address}`);

  const checks = {
    Postgres: () => assertMigrated(pool).catch((error: unknown) => {
      log.repeated(`waiting for Postgres: ${messageOf(error)}`);
      throw error;
    }),
  };
  if (!(await validateProduction({ redis: queues.connections.all, checks, logger: log, timeout: settings.startupMs, signal: ending.signal }))) return;
  followEvents(queues, store, log);
  if (apiProcesses) startWork(queues, log, fail);
  if (settings.apiIsWorker) heartbeat = startWorkerHeartbeat(queues, log);
  started = true;
  log.info(`started${apiProcesses ? ", and processes the queues" : ""}`);
}

function fail(error: unknown): void {
  log.error(messageOf(error));
  process.exit(1);
}

// What a library left unhandled: Node would print the whole error, and that of a refused AUTH holds the password.
process.on("uncaughtException", fail);
main().catch(fail);
