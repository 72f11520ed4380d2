import type { Facts } from "../seen.ts";
import type { Check, Expectations } from "../types.ts";
import { fail, pass, unknown } from "../verdict.ts";
import { percent } from "../words.ts";
import { silentNode } from "./elsewhere.ts";

/** Postgres, over TCP as the application reaches it: on the socket it already answers while initdb runs. */

export function postgresReady({ seen }: Facts, { node, postgres }: Expectations): Check {
  const expected = `a query answered on ${postgres.host}:${postgres.port}`;
  if (!seen.postgres.known) return silentNode("postgres.ready", seen.postgres.why, expected, "Postgres", node?.at.postgres) ?? fail("postgres.ready", seen.postgres.why, expected);
  return pass("postgres.ready", `answered after ${seen.postgres.value.ms} ms`, expected);
}

const MOST_USED = 0.8;

export function postgresConnections({ seen }: Facts): Check {
  const expected = "under 80 % of max_connections";
  if (!seen.postgres.known) return unknown("postgres.connections", seen.postgres.why, expected);
  const { connections, maxConnections } = seen.postgres.value;
  const said = `${connections} of ${maxConnections}, ${percent(connections, maxConnections)}`;
  return connections < maxConnections * MOST_USED ? pass("postgres.connections", said, expected) : fail("postgres.connections", said, expected);
}
