import type { Check, Place } from "../types.ts";
import { fail } from "../verdict.ts";

/** What a connection says that meets nobody, or a cut network, instead of a server that refuses. */
const NOBODY = /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|timed out|timeout|no answer/i;

/**
 * A server on another node that does not answer at all: that node is named, because its logs say nothing of it.
 * @param at which node has it; undefined where the server is on this one
 * @returns undefined for any other failure
 */
export function silentNode(id: "redis.ready" | "postgres.ready", why: string, expected: string, what: string, at: Place | undefined): Check | undefined {
  if (at === undefined || !NOBODY.test(why)) return undefined;
  return fail(id, `${why}. ${what} is on node ${at.node}, ${at.address}, and nothing answers there`, expected,
    "Is that node on (`berth status` asks each), and on the private network? A network that was cut heals by itself, and connections come back within seconds; no release mends it.");
}
