import { readSecret, resolveServiceUrl } from "berth-runtime";
import { Pool } from "pg";

/** Connections to Postgres per process, at most: two processes stay far below the 50 that Postgres accepts. */
const POOL_SIZE = 5;
/** To connect, and for one statement, in milliseconds: a request must end while Postgres is away. */
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10_000;

/**
 * The address of Postgres from DATABASE_URL and DATABASE_PASSWORD_FILE (or a password in the URL). In development, outside a
 * container, the host `postgres` becomes `localhost`.
 * @throws when DATABASE_URL is missing or no Postgres URL
 */
export function databaseUrl(env: NodeJS.ProcessEnv): string {
  const given = env["DATABASE_URL"];
  if (given === undefined || given === "") throw new Error("connect to Postgres: DATABASE_URL is required (postgres://USER@HOST:5432/DATABASE), found nothing; set it in the environment");
  if (!URL.canParse(given) || !/^postgres(?:ql)?:$/.test(new URL(given).protocol)) {
    throw new Error("connect to Postgres: DATABASE_URL is required to be postgres://USER@HOST:5432/DATABASE, found something else; correct it in the environment");
  }
  const url = new URL(resolveServiceUrl(given, "postgres", env));
  const password = url.password === "" ? readSecret(env, "DATABASE_PASSWORD") : undefined;
  if (password !== undefined) url.password = encodeURIComponent(password);
  return url.href;
}

/** @param onError hears of idle connections that broke; without a listener they would end the process. */
export function openPool(env: NodeJS.ProcessEnv, process: string, onError: (error: Error) => void): Pool {
  const pool = new Pool({
    connectionString: databaseUrl(env),
    application_name: process,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
  });
  pool.on("error", onError);
  return pool;
}
