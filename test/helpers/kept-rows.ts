import type { Rehearsal } from "../../rehearsal/rehearsal.ts";

/** Rows in Postgres that no application writes to, and a sum over all that they hold. */

const ROWS = 100_000;

async function sql(it: Rehearsal, query: string): Promise<string> {
  return (await it.execOn("postgres", ["docker", "exec", "berth-postgres-1", "psql", "-U", "app", "-d", "app", "-tAc", query])).trim();
}

/** Make them. @returns their sum */
export async function keepRows(it: Rehearsal): Promise<string> {
  await sql(it, `create table kept as select i, md5(i::text) as text from generate_series(1, ${ROWS}) i`);
  return keptRows(it);
}

export function keptRows(it: Rehearsal): Promise<string> {
  return sql(it, "select count(*) || ' ' || md5(string_agg(i || text, ',' order by i)) from kept");
}
