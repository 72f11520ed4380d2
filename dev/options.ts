import { parseArgs } from "node:util";

export const HELP = `usage: npm run dev [-- OPTIONS]

Runs the application on this machine as you write it: Redis and Postgres in Docker,
migration, API and worker from app/src, started again when a source changes.
Ctrl-C stops everything; the data stays for the next time.

  --services-only        Redis and Postgres alone, for an application of your own
  --port=NUMBER          the API's port (3000)
  --redis-port=NUMBER    Redis's port on this machine (6379)
  --postgres-port=NUMBER Postgres's port on this machine (5432)
  --fresh                begin with empty data
  --project=NAME         name of the containers and of the data (berth-dev)

DISABLE_WORKER=true leaves the worker out: 4 Redis connections instead of 10.
`;

export interface DevOptions {
  readonly help: boolean;
  readonly servicesOnly: boolean;
  readonly fresh: boolean;
  /** Undefined: as compose/dev.yaml says. */
  readonly project: string | undefined;
  readonly port: number;
  readonly redisPort: number;
  readonly postgresPort: number;
}

/** @throws {Error} naming the option that is wrong */
export function devOptions(args: readonly string[]): DevOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h", default: false },
      "services-only": { type: "boolean", default: false },
      fresh: { type: "boolean", default: false },
      project: { type: "string" },
      port: { type: "string", default: "3000" },
      "redis-port": { type: "string", default: "6379" },
      "postgres-port": { type: "string", default: "5432" },
    },
  });
  return {
    help: values.help,
    servicesOnly: values["services-only"],
    fresh: values.fresh,
    project: values.project,
    port: portOf("--port", values.port),
    redisPort: portOf("--redis-port", values["redis-port"]),
    postgresPort: portOf("--postgres-port", values["postgres-port"]),
  };
}

function portOf(option: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Error(`${option}: a port from 1 to 65535 is required, found ${JSON.stringify(text)}`);
}
