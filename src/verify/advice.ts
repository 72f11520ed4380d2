import type { Facts } from "./seen.ts";
import { servingContainer } from "./services.ts";
import type { Check, Expectations } from "./types.ts";

/** Advice that is to be copied: a command as it is typed on a laptop. */

/** A command on the server, of words that a shell takes as they are. */
export function onServer(...words: readonly string[]): string {
  return `\`berth ssh -- sudo ${words.join(" ")}\``;
}

const REDIS = "<redis>";
const OFF = "First what redis.aof says: what was written since is in memory alone, and a restart loses it. Then: ";

/** Puts Redis's container in the place of `<redis>`, and what must come first before a restart that would lose jobs. */
export function typed(checks: readonly Check[], { host }: Facts, { project }: Expectations): Check[] {
  const name = servingContainer(host, "redis")?.name ?? `${project}-redis-1`;
  const unsaved = checks.some(({ id, status }) => id === "redis.aof" && status === "fail");
  return checks.map((check) => {
    if (!check.advice.includes(REDIS)) return check;
    return { ...check, advice: `${unsaved ? OFF : ""}${check.advice.replaceAll(REDIS, name)}` };
  });
}
