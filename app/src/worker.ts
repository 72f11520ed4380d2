import { type Heartbeat, onShutdown, touchHealth, validateProduction } from "berth-runtime";
import { createLog, messageOf } from "./log.ts";
import { closeQueues, openQueues } from "./queues.ts";
import { readSettings } from "./settings.ts";
import { startWork, startWorkerHeartbeat } from "./work.ts";

/** Below the 60 s that the worker's container is given, in milliseconds. What is not done by then runs again elsewhere. */
const SHUTDOWN_MS = 55_000;

/** The worker: waits for Redis, then takes jobs until it is told to stop, and finishes those it has. */
const log = createLog("worker", process.env["LOG_LEVEL"]);

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const queues = openQueues(process.env, "worker", { listens: false, processes: true }, (error) => log.repeated(`redis: ${messageOf(error)}`));
  const ending = new AbortController();
  let heartbeat: Heartbeat | undefined;
  onShutdown({
    logger: log,
    timeoutMs: SHUTDOWN_MS,
    steps: [() => ending.abort(), () => closeQueues(queues), () => heartbeat?.stop(), () => log.info("ended")],
  });
  if (!(await validateProduction({ redis: queues.connections.all, logger: log, timeout: settings.startupMs, signal: ending.signal }))) return;
  startWork(queues, log, fail);
  heartbeat = startWorkerHeartbeat(queues, log, () => touchHealth());
  log.info(`${settings.name} ${settings.version} takes jobs`);
}

function fail(error: unknown): void {
  log.error(messageOf(error));
  process.exit(1);
}

// What a library left unhandled: Node would print the whole error, and that of a refused AUTH holds the password.
process.on("uncaughtException", fail);
main().catch(fail);
