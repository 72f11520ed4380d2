import type { Pool } from "pg";

interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** Applied in order, each once. What was applied is never edited: the next change is the next entry. */
const MIGRATIONS: readonly Migration[] = [
  {
    name: "001-jobs",
    sql: `create table jobs (
      id uuid primary key,
      queue text not null,
      data jsonb not null,
      state text not null default 'waiting' check (state in ('waiting', 'active', 'completed', 'failed')),
      progress smallint not null default 0 check (progress between 0 and 100),
      result jsonb,
      error text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    )`,
  },
];

/** Any number will do, as long as every migration takes the same lock. */
const LOCK = 7_231_402;

/**
 * Bring the schema up to date; gives back the names of what was applied. Two at a time wait for each other (advisory lock), and
 * what is there is left alone. All of it is one transaction: a migration that fails leaves nothing behind.
 */
export async function migrate(pool: Pool): Promise<readonly string[]> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock($1)", [LOCK]);
    await client.query("create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())");
    const applied = new Set((await client.query<{ name: string }>("select name from migrations")).rows.map((row) => row.name));
    const due = MIGRATIONS.filter(({ name }) => !applied.has(name));
    for (const { name, sql } of due) {
      await client.query(sql);
      await client.query("insert into migrations (name) values ($1)", [name]);
    }
    await client.query("commit");
    return due.map(({ name }) => name);
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** Whether the schema is the one this version needs. A newer one is fine: a release is rolled back over its migration. */
export async function assertMigrated(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ there: boolean }>("select to_regclass('migrations') is not null as there");
  const applied = rows[0]?.there === true ? (await pool.query<{ name: string }>("select name from migrations")).rows.map((row) => row.name) : [];
  const missing = MIGRATIONS.filter(({ name }) => !applied.includes(name)).map(({ name }) => name);
  if (missing.length > 0) throw new Error(`the migrations ${missing.join(", ")} are required and not applied: run node migrate.js`);
}
