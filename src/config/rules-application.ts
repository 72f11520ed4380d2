import { migrationRoomSeconds, RELEASE_SECONDS } from "../compose/periods.ts";
import { LONGEST_STOP_SECONDS } from "./budgets.ts";
import { foundText, kindText, type Fault } from "./fault.ts";
import type { Rule } from "./rules.ts";
import { MIGRATE_SECONDS, type Config } from "./schema.ts";

/** Rules about the application: its environment, queues, processes and periods. */

/** Names Berth sets, which nothing may override: the verification relies on what they say. */
const RESERVED = new Set(["NODE_ENV", "PORT", "API_PROCESSES"]);
/** Names Berth sets that a stack may set otherwise, to lead the application to another Redis or Postgres. */
export const OVERRIDABLE: ReadonlySet<string> = new Set(["REDIS_URL", "REDIS_URL_FILE", "REDIS_PASSWORD_FILE", "REDIS_CA_FILE", "DATABASE_URL", "DATABASE_PASSWORD_FILE"]);

function isReserved(name: string): boolean {
  return RESERVED.has(name) || name.startsWith("BERTH_");
}

/** Words that name a secret; a name that ends otherwise (a file, an id, a public key) points to one at most. */
const SECRET_WORDS = /(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|KEY|CREDENTIALS?)(?:_|$)/;
const HARMLESS = /_(?:FILE|PATH|ID|URL|NAME|TTL|SECONDS|ALGORITHM)$|(?:^|_)PUBLIC_KEY/;
/** `scheme://user:password@host`: a password in a URL. */
const URL_WITH_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*:[^/?#@]+@/i;

function looksSecret(name: string, value: string): boolean {
  return (SECRET_WORDS.test(name) && !HARMLESS.test(name)) || URL_WITH_PASSWORD.test(value);
}

function envFaults({ app, secrets }: Config): Fault[] {
  return Object.entries(app.env).flatMap(([name, value]) => {
    const path = `app.env.${name}`;
    if (isReserved(name)) {
      return [{ path, required: "a name that Berth does not set itself (NODE_ENV, PORT, API_PROCESSES, BERTH_…)", found: "a reserved name" }];
    }
    const file = name.endsWith("_FILE") ? name.slice(0, -"_FILE".length) : undefined;
    if (file !== undefined && secrets.app[file] !== undefined) {
      return [{ path, required: `a name that secrets.app.${file} does not set itself`, found: "the same name" }];
    }
    if (looksSecret(name, value)) {
      return [{ path, required: "nothing secret: it shows in diffs and in docker inspect; put it in secrets.app", found: kindText(value) }];
    }
    return [];
  });
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function graceFaults(name: "api" | "worker", config: Config): Fault[] {
  const seconds = config[name].stopGraceSeconds;
  if (seconds <= LONGEST_STOP_SECONDS) return [];
  return [{ path: `${name}.stopGraceSeconds`, required: `at most ${LONGEST_STOP_SECONDS}: it holds up every release and reboot`, found: String(seconds) }];
}

/** The default is never refused: the bound was so before there was a key, whatever the other periods. */
function migrationFaults(config: Config): Fault[] {
  const { migrate, migrateSeconds } = config.app;
  const most = Math.max(MIGRATE_SECONDS, migrationRoomSeconds(config));
  if (migrate.length === 0 || migrateSeconds <= most) return [];
  const required = `at most ${most}: a release is ended after ${RELEASE_SECONDS} s, of which fetching, the start, the verification and a way back need the rest`;
  return [{ path: "app.migrateSeconds", required, found: String(migrateSeconds) }];
}

export const applicationRules: readonly Rule[] = [
  { reads: ["app.env", "secrets.app"], judge: envFaults },
  {
    reads: ["secrets.app"],
    judge: ({ secrets }) =>
      Object.keys(secrets.app)
        .filter((name) => isReserved(`${name}_FILE`) || OVERRIDABLE.has(`${name}_FILE`))
        .map((name) => ({ path: `secrets.app.${name}`, required: `another name: Berth sets ${name}_FILE itself`, found: "a reserved name" })),
  },
  {
    reads: ["app.queues"],
    judge: ({ app }) =>
      repeated(app.queues).map((name) => ({ path: "app.queues", required: "each queue once", found: `${foundText(name)} more than once` })),
  },
  {
    reads: ["api.processes", "worker.processes"],
    judge: ({ api, worker }) =>
      api.processes || worker.processes
        ? []
        : [{ path: "worker.processes", required: "true, or api.processes: true: somebody must process the queues", found: "false for both" }],
  },
  {
    reads: ["app.canaryPath", "api.listens", "api.processes"],
    judge: ({ app, api }) =>
      app.canaryPath === null || api.listens || api.processes
        ? []
        : [{ path: "api.listens", required: "true with app.canaryPath: awaiting a canary job opens the subscriber connection", found: "false" }],
  },
  {
    reads: ["app.canaryPath"],
    judge: ({ app }) =>
      app.canaryPath === null || new URL(app.canaryPath, "http://api").pathname.startsWith("/ops/")
        ? []
        : [{ path: "app.canaryPath", required: "a path below /ops/, which the proxy does not pass on: anybody could send jobs there otherwise", found: foundText(app.canaryPath) }],
  },
  {
    reads: ["app.startupSeconds", "redis.loadSeconds", "secrets.redisUrl"],
    judge: ({ app, redis, secrets }) =>
      secrets.redisUrl !== undefined || app.startupSeconds >= redis.loadSeconds
        ? []
        : [{ path: "app.startupSeconds", required: `at least redis.loadSeconds (${redis.loadSeconds}): after a reboot the application waits while the AOF loads`, found: String(app.startupSeconds) }],
  },
  {
    reads: ["app.migrate", "app.migrateSeconds", "app.startupSeconds", "redis.loadSeconds", "secrets.redisUrl", "api.stopGraceSeconds", "worker.stopGraceSeconds", "verify.settleSeconds"],
    judge: migrationFaults,
  },
  { reads: ["api.stopGraceSeconds"], judge: (config) => graceFaults("api", config) },
  { reads: ["worker.stopGraceSeconds"], judge: (config) => graceFaults("worker", config) },
];
