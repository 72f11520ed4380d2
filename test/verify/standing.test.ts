import { describe, expect, test } from "vitest";
import { judge } from "../../src/verify/checks/index.ts";
import { parseStanding } from "../../src/verify/standing-facts.ts";
import { withStanding } from "../../src/verify/standing.ts";
import { notKnown, known } from "../../src/verify/fact.ts";
import type { Check } from "../../src/verify/types.ts";
import { decide } from "../../src/verify/verdict.ts";
import { client, CLIENT_LINES, EXPECTATIONS, facts, INFO, SECTIONS } from "./healthy.ts";

/** The host's words from before the release: sections as its script writes them; each test spoils some. */
function before(change: Readonly<Record<string, string>> = {}, names: ReadonlyMap<string, string> = new Map()) {
  const sections: Record<string, string> = {
    ...Object.fromEntries(["inspect", "containers", "listeners", "docker-user", "host-table", "drift"].map((name) => [name, SECTIONS[name] ?? ""])),
    postgres: "7 50",
    "redis-info": INFO,
    "redis-clients": CLIENT_LINES.join("\n"),
    "redis-config": "maxclients\n1000\nmaxmemory\n201326592\nappendonly\nyes\nsave",
    ...change,
  };
  return parseStanding(Object.entries(sections).map(([name, text]) => `@@ before.${name}\n${text}\n`).join(""), names);
}

type Now = Parameters<typeof facts>[0];

/** Ids of what fails, each with who is to blame. */
function blamed(now: Now, then: ReturnType<typeof before>): Record<string, string> {
  const seen = facts(now);
  const checks: Check[] = withStanding(judge(seen, EXPECTATIONS), seen, then, EXPECTATIONS);
  const against = checks.filter(({ status }) => status === "fail");
  const causes = new Set(against.map(({ cause }) => cause));
  expect(decide(checks)).toEqual({ verdict: "fail", cause: causes.has("release") ? "release" : "host" });
  return Object.fromEntries(against.map(({ id, cause, standing }) => [id, standing === true ? "standing" : cause]));
}

const used = (part: number): string => String(Math.round(192 * 1024 * 1024 * part));
const full = INFO.replace("used_memory:1048576", `used_memory:${used(0.9)}`);
const published = (...names: readonly string[]): string =>
  [SECTIONS["containers"] ?? "", ...names.map((name) => `{"Names":"${name}","Ports":"0.0.0.0:6379->6379/tcp"}`)].join("\n");
const stranger = (id: number, host: string): string => client(id, host, "", { cmd: "monitor", flags: "O" });
const NAMES = new Map([["172.20.0.77", "grafana"], ["172.20.0.78", "leaker"]]);

describe("what failed before the release, for the same reason, is the host's, and fails all the same", () => {
  test.each([
    ["memory that was short", { info: { used_memory: used(0.95) } }, before({ "redis-info": full }), { "redis.memory": "standing" }],
    ["memory that was not", { info: { used_memory: used(0.95) } }, before(), { "redis.memory": "release" }],
    ["memory of which nothing was known", { info: { used_memory: used(0.95) } }, before({ "redis-info": "" }), { "redis.memory": "release" }],
    ["Postgres that was nearly full", { rest: { postgres: known({ ms: 1, connections: 45, maxConnections: 50, dataDirectory: "/var/lib/postgresql/data/pgdata" }) } }, before({ postgres: "41 50" }), { "postgres.connections": "standing" }],
    ["Postgres that became so", { rest: { postgres: known({ ms: 1, connections: 45, maxConnections: 50, dataDirectory: "/var/lib/postgresql/data/pgdata" }) } }, before(), { "postgres.connections": "release" }],
    ["a port that was published", { sections: { containers: published("x") } }, before({ containers: published("x") }), { "exposure.ports": "standing" }],
    ["another beside it", { sections: { containers: published("x", "y") } }, before({ containers: published("x") }), { "exposure.ports": "release" }],
    ["a file that was edited", { sections: { drift: "/etc/sysctl.d/90-berth.conf" } }, before({ drift: "/etc/sysctl.d/90-berth.conf\n/etc/docker/daemon.json" }), { "drift.files": "standing" }],
    ["a stranger who was there, at another port", { clients: [...CLIENT_LINES, stranger(51, "172.20.0.77")], rest: { names: NAMES } }, before({ "redis-clients": [...CLIENT_LINES, stranger(50, "172.20.0.77")].join("\n") }, NAMES), { "connections.foreign": "standing" }],
    ["a second stranger", { clients: [...CLIENT_LINES, stranger(51, "172.20.0.77"), stranger(52, "172.20.0.78")], rest: { names: NAMES } }, before({ "redis-clients": [...CLIENT_LINES, stranger(50, "172.20.0.77")].join("\n") }, NAMES), { "connections.foreign": "release" }],
    ["a setting changed by hand on a Redis that runs on", { config: { save: "60 1" } }, before({ "redis-config": "maxclients\n1000\nmaxmemory\n201326592\nappendonly\nyes\nsave\n60 1" }), { "redis.save": "standing", "redis.config": "standing" }],
    ["the same on a Redis that the release restarted", { config: { save: "60 1" }, info: { run_id: "run-2", rejected_connections: "0" } }, before({ "redis-config": "maxclients\n1000\nmaxmemory\n201326592\nappendonly\nyes\nsave\n60 1" }), { "redis.save": "release", "redis.config": "release" }],
    ["a setting changed since", { config: { save: "60 1" } }, before(), { "redis.save": "release", "redis.config": "release" }],
    [
      "firewall rules that were gone, and what a container reaches for it",
      { sections: { "docker-user": "-A FORWARD -j DOCKER-USER" }, rest: { metadata: known({ connected: true, detail: "accepted" }) } },
      before({ "docker-user": "-A FORWARD -j DOCKER-USER" }),
      { "exposure.firewall": "standing", "exposure.metadata": "standing" },
    ],
    [
      "a full Redis, which refuses the canary and the heartbeat of whichever release",
      { info: { used_memory: used(1) }, redis: { heartbeatTtlMs: known(-2) }, rest: { api: { ...facts().seen.api, canary: notKnown("POST: OOM command not allowed when used memory > 'maxmemory'.") } } },
      before({ "redis-info": full }),
      { "redis.memory": "standing", "app.heartbeat": "standing", "app.canary.file": "standing", "app.canary.email": "standing" },
    ],
    ["a canary that fails beside memory that was short", { info: { used_memory: used(0.95) }, rest: { api: { ...facts().seen.api, canary: notKnown("no worker") } } }, before({ "redis-info": full }), { "redis.memory": "standing", "app.canary.file": "release", "app.canary.email": "release" }],
  ] satisfies [string, Now, ReturnType<typeof before>, Record<string, string>][])("%s", (_, now, then, expected) => {
    expect(blamed(now, then)).toEqual(expected);
  });

  test("three strangers break the ceiling too: theirs, as long as the application keeps to its own", () => {
    const three = [50, 51, 52].map((id) => stranger(id, "172.20.0.77"));
    const then = before({ "redis-clients": [...CLIENT_LINES, ...three].join("\n") }, NAMES);
    expect(blamed({ clients: [...CLIENT_LINES, ...three], rest: { names: NAMES } }, then)).toEqual({ "connections.foreign": "standing", "connections.total": "standing" });
    expect(blamed({ clients: [...CLIENT_LINES, ...three, client(60, "172.20.0.4", "leak")], rest: { names: NAMES } }, then))
      .toEqual({ "connections.foreign": "standing", "connections.maximum": "release", "connections.total": "release" });
  });
});

test("before the first release nothing stood", () => {
  expect(parseStanding("@@ release\nabc\n", new Map())).toBeUndefined();
  expect(blamed({ info: { used_memory: used(0.95) } }, undefined)).toEqual({ "redis.memory": "release" });
});
