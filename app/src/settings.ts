import { inContainer, startupDeadlineMs } from "berth-runtime";

/** What the environment says about this process. */
export interface Settings {
  readonly name: string;
  readonly version: string;
  readonly host: string;
  readonly port: number;
  /** The API works on the queues too. */
  readonly apiProcesses: boolean;
  /** This process stands for the worker: it renews the worker's heartbeat. */
  readonly apiIsWorker: boolean;
  /** For the start-up validation, in milliseconds. */
  readonly startupMs: number;
}

const DEFAULT_PORT = 3000;

/**
 * In production the API leaves the work to the worker unless API_PROCESSES=true. In development one process is both
 * unless DISABLE_WORKER=true, so that one command brings everything up.
 * @throws when PORT is not a port
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const production = env["NODE_ENV"] === "production";
  const apiIsWorker = !production && env["DISABLE_WORKER"] !== "true";
  const port = Number(env["PORT"] ?? DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`start the API: PORT is required to be a number from 0 to 65535, found "${env["PORT"] ?? ""}"; correct it in the environment`);
  }
  return {
    name: "berth-app",
    version: env["APP_VERSION"] ?? "development",
    // A container's own network is its fence; on a developer's machine nobody else is to be let in.
    host: env["HOST"] ?? (production || inContainer(env) ? "0.0.0.0" : "127.0.0.1"),
    port,
    apiProcesses: apiIsWorker || (production && env["API_PROCESSES"] === "true"),
    apiIsWorker,
    startupMs: startupDeadlineMs(env),
  };
}
