import { z } from "zod";
import type { Books } from "./cloud/books.ts";
import type { ExecResult } from "./docker/exec.ts";
import type { Settings } from "./settings.ts";

/** The servers of a rehearsed stack: which is which, and what was said to them. */

/** Name of the first node in every topology of the rehearsal. */
const FIRST = "main";

/** Names of the nodes that are there. */
export function nodeNames(books: Books): string[] {
  return [...books.servers.values()].map(({ labels }) => labels["node"] ?? FIRST).toSorted((a, b) => (a < b ? -1 : 1));
}

/** Hetzner's id of a node's server. @throws when there is none */
export function serverOf(books: Books, node: string): number {
  const server = [...books.servers.values()].find(({ labels }) => (labels["node"] ?? FIRST) === node);
  if (server === undefined) throw new Error(`use node ${node}: it must exist, there are ${nodeNames(books).join(", ")}`);
  return server.id;
}

/** The node that a role stands on. */
export function nodeOf(settings: Settings, role: string): string {
  const placed = Object.entries(settings["nodes"] ?? {}).find(([, node]) => z.object({ roles: z.array(z.string()) }).parse(node).roles.includes(role))?.[0];
  return placed ?? FIRST;
}

/** What the kit calls by the stack's name alone is the first node's. */
export function named<T extends { readonly name: string }>(name: string, records: ReadonlyMap<number, T>): T | undefined {
  return [...records.values()].find((it) => it.name === name);
}

export interface SignedIn {
  readonly serverId: number;
  readonly times: number;
}

/** Over all servers. One that was replaced, or whose journal was lost, counts from nothing. */
export function connectionsSince(before: readonly SignedIn[], after: readonly SignedIn[]): number {
  return after.reduce((sum, { serverId, times }) => {
    const known = before.find((server) => server.serverId === serverId)?.times ?? 0;
    return sum + (known <= times ? times - known : times);
  }, 0);
}

/** What a program said, if it exited 0. @throws with its own words */
export function succeeded(result: ExecResult, argv: readonly string[]): string {
  if (result.code !== 0) throw new Error(`on the server, ${argv.slice(0, 3).join(" ")} …: exit 0 is required, found ${result.code}: ${result.stderr.trim() || result.stdout.trim()}`);
  return result.stdout;
}
