import { workerHealth } from "berth-runtime/worker-health";

/** The worker's health check: 0 when it has reached Redis lately, else 1. */
const { alive, reason } = workerHealth();
console.log(reason);
process.exitCode = alive ? 0 : 1;
