import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureDocker } from "../rehearsal/docker/ensure.ts";
import { orUsage } from "../scripts/command-line.ts";
import { placeholderConfig } from "../scripts/renderings.ts";
import { composeDev, devUrls } from "../src/compose/dev.ts";
import { devOptions, HELP } from "./options.ts";
import { requireFree } from "./ports.ts";
import { DevProcesses } from "./processes.ts";
import { DevServices } from "./services.ts";

/** `npm run dev`: everything on this machine, until Ctrl-C. */

const root = join(import.meta.dirname, "..");
const options = orUsage("dev", () => devOptions(process.argv.slice(2)));
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const say = (line: string): void => print("dev", line);
const print = (name: string, line: string): void => void process.stdout.write(`${name.padEnd(8)} ${line}\n`);

const config = placeholderConfig(readFileSync(join(root, "Pulumi.prod.yaml"), "utf8"));
// Host names as in production; the runtime makes them localhost outside a container.
const urls = devUrls(config, { redis: options.redisPort, postgres: options.postgresPort });
const processes = new DevProcesses(root, { ...process.env, ...urls, NODE_ENV: "development", BERTH_ON_HOST: "true", PORT: String(options.port) }, print);
const ending = new AbortController();
let asked = 0;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    asked += 1;
    if (asked === 1) say("stopping: the application finishes its jobs, then Redis and Postgres; again to end the application at once");
    else processes.kill();
    ending.abort(new Error("stopped"));
  });
}

process.exitCode = await main().catch((error: unknown) => {
  if (ending.signal.aborted) return 0;
  say(error instanceof Error ? error.message : String(error));
  return 1;
});

async function main(): Promise<number> {
  const withWorker = process.env["DISABLE_WORKER"] !== "true";
  const docker = await ensureDocker(say);
  const file = composeDev(config);
  // The containers are Docker's: with --services-only nothing else keeps this process.
  const held = setInterval(() => undefined, 2 ** 30);
  const services = new DevServices(docker.docker, { ...file, name: options.project ?? file.name }, join(root, "compose"), say);
  try {
    await services.clear(options);
    await requireFree([
      { what: "Redis", port: options.redisPort, option: "--redis-port" },
      { what: "Postgres", port: options.postgresPort, option: "--postgres-port" },
      ...(options.servicesOnly ? [] : [{ what: "the API", port: options.port, option: "--port" }]),
    ]);
    await services.start({ redis: options.redisPort, postgres: options.postgresPort }, ending.signal);
    for (const [name, value] of Object.entries(urls)) say(`${name}=${value}`);
    if (options.servicesOnly) {
      say("Redis and Postgres are up — Ctrl-C stops them");
      return await untilStopped();
    }

    await processes.run("migrate", ["node", "--import", "tsx", "app/src/migrate.ts"]);
    ending.signal.throwIfAborted();
    const watch = (program: string): string[] => ["node", "node_modules/tsx/dist/cli.mjs", "watch", "--clear-screen=false", program];
    // As in production: the API leaves the work to the worker.
    const ends = [
      processes.start("api", watch("app/src/api.ts"), { DISABLE_WORKER: "true" }),
      ...(withWorker ? [processes.start("worker", watch("app/src/worker.ts"))] : []),
    ];
    say(`http://localhost:${options.port} — Ctrl-C stops everything`);
    await Promise.race([untilStopped(), ...ends]);
    return ending.signal.aborted ? 0 : 1;
  } finally {
    clearInterval(held);
    await processes.stop();
    await services.stop();
    await docker.close();
    say("stopped; the data is kept (--fresh begins without)");
  }
}

function untilStopped(): Promise<number> {
  return new Promise((resolve) => {
    if (ending.signal.aborted) return resolve(0);
    ending.signal.addEventListener("abort", () => resolve(0), { once: true });
  });
}
