import { beforeAll, expect, test } from "vitest";
import { answersAt } from "../../dev/ports.ts";
import { ask, containerIds, secretsIn, verify } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import type { Report } from "../../src/verify/types.ts";
import { ruleOf } from "../../src/verify/rules.ts";
import { passes } from "../../src/verify/verdict.ts";
import { check, rehearsed } from "../helpers/deployment.ts";
import { CRASH, failingUp, goodRelease, IDLE, LEAK, publishRedis, publishRedisDuringRelease, setBack, setByMigration, verifierOf, words } from "../helpers/faults.ts";

/**
 * Faults on one living server. Each comes with a second release, and enters only through config, the application's environment or
 * an edit on the host; the verifier is the healthy release's, byte for byte.
 */
const rehearsal = rehearsed();

/** From the first release on, so that a fault changes nothing but itself. Short, because a fault waits the window out. */
const PERIODS = { "verify.settleSeconds": 12, "redis.loadSeconds": 15, "app.startupSeconds": 20 };

interface Fault {
  readonly name: string;
  /** What is done on the host beforehand; gives what takes it back. */
  readonly byHand?: (it: Rehearsal) => Promise<() => Promise<void>>;
  readonly changes?: Readonly<Record<string, unknown>>;
  /** Exactly these checks do not pass. */
  readonly fails: readonly string[];
  /** And these may: what a crash loop shows of itself depends on where in its round it is looked at. */
  readonly mayFail?: readonly string[];
  /** The check that names the fault, and what it must have seen. */
  readonly main: string;
  readonly seen: RegExp;
  /** What `up` must have said: of the check, or in evidence. */
  readonly says: RegExp;
}

const FAULTS: readonly Fault[] = [
  {
    name: "a leaked connection in the API",
    changes: { "api.command": ["node", "--import", LEAK, "api.js"] },
    fails: ["connections.maximum"],
    main: "connections.maximum",
    seen: /^api holds 3 client connections, 2 allowed \(one a queue, 2 queues\): api \(berth-api-1\) [\d.]+:\d+ unnamed, age \d+ s, last command ping$/,
    says: /Use the queue's own connection/,
  },
  {
    name: "RDB snapshots that the migration switches on",
    byHand: (it) => Promise.resolve(() => setBack(it, "save", "")),
    changes: { "app.migrate": setByMigration("save", "3600 1") },
    fails: ["redis.config", "redis.save"],
    main: "redis.save",
    seen: /^save "3600 1"$/,
    says: /save is 3600 1, the release has ""/,
  },
  {
    name: "an eviction policy that the migration sets",
    byHand: (it) => Promise.resolve(() => setBack(it, "maxmemory-policy", "noeviction")),
    changes: { "app.migrate": setByMigration("maxmemory-policy", "allkeys-lru") },
    fails: ["redis.config", "redis.eviction-policy"],
    main: "redis.eviction-policy",
    seen: /^allkeys-lru$/,
    says: /maxmemory-policy is allkeys-lru, the release has noeviction/,
  },
  {
    name: "a Redis port published while it is released",
    byHand: publishRedisDuringRelease,
    fails: ["exposure.ports"],
    main: "exposure.ports",
    seen: /^redis-for-a-moment publishes 0\.0\.0\.0:6379\/tcp/,
    says: /expected only 22, 80/,
  },
  {
    name: "a worker that runs and does nothing",
    changes: { "worker.command": ["node", "-e", IDLE] },
    fails: ["app.canary.email", "app.canary.file", "app.health", "app.heartbeat", "connections.required"],
    main: "app.heartbeat",
    // Its predecessor's, or gone by then: 90 s after the last beat.
    seen: /^(?:renewed \d+ s ago, before this worker started|no key berth:heartbeat:worker)/,
    says: /worker is running, health (?:starting|unhealthy)/,
  },
  {
    name: "a worker that crashes at each start",
    changes: { "worker.command": ["node", "-e", CRASH] },
    fails: ["app.canary.email", "app.canary.file", "app.health", "app.heartbeat", "app.restarts", "connections.required"],
    main: "app.restarts",
    seen: /^worker: \d+ restarts?/,
    says: /evidence: worker is [^]*?\| worker: cannot find module 'sharp' \(\d+ times\)/,
  },
  {
    name: "a wrong Redis password",
    changes: { "app.env.REDIS_PASSWORD_FILE": "/run/secrets/WRONG", "secrets.app.WRONG": "not-the-password" },
    fails: [
      "app.canary.email", "app.canary.file", "app.health", "app.heartbeat", "app.ready", "app.restarts", "connections.required",
    ],
    // Not signed in, every connection looks like a queue's client.
    mayFail: ["connections.maximum"],
    main: "app.ready",
    seen: /api:3000\/readyz/,
    says: /Redis check failed\. Redis connection failed: WRONGPASS/,
  },
];

let healthy = "";
let nextImage = "";

beforeAll(async () => {
  const up = await rehearsal.it.up(PERIODS);
  healthy = up.release;
  nextImage = await rehearsal.it.appImage("2");
});

test.for(FAULTS)("$name", async ({ name, byHand, changes, fails, mayFail = [], main, seen, says }) => {
  const it = rehearsal.it;
  const before = stateful(await containerIds(it));
  const undo = await byHand?.(it);
  try {
    const failed = await failingUp(it, { "app.image": nextImage, "app.env.RELEASE": name, ...changes });
    expect(failed.release).not.toBe(healthy);
    expect(await verifierOf(it, failed.release)).toBe(await verifierOf(it, healthy));

    expect(against(failed.report).filter((id) => !mayFail.includes(id))).toEqual(fails);
    expect(failed.error).toContain("Process exited with status 10");
    expect(check(failed.report, main).seen).toMatch(seen);
    expect(failed.printed).toContain(words((ruleOf(main)?.todo ?? "no such rule").replaceAll("<redis>", "berth-redis-1")));
    expect(failed.printed).toMatch(new RegExp(`release ${failed.release} FAILED, because of the release failed .*${main}.* runs now ${healthy}, the last good release, answers again: api healthy`));
    // A page of JSON would be the last thing that a person sees.
    expect(failed.error).not.toContain('"checks"');
    expect(failed.printed).toMatch(says);
    expect(secretsIn(it, failed.printed + failed.error)).toEqual([]);
    expect(failed.printed + failed.error).not.toContain("not-the-password");

    expect(await goodRelease(it)).toBe(healthy);
    expect((await ask(it, "/readyz")).status).toBe(200);
    expect((await ask(it, "/")).body).toMatchObject({ version: "1" });
    expect(stateful(await containerIds(it))).toEqual(before);
    // Docker publishes past most firewalls; not past this host's own.
    expect(await answersAt(it.address, 6379, 2_000)).toBe(false);
  } finally {
    await undo?.();
  }
  const again = await verify(it);
  expect(against(again)).toEqual([]);
  expect(again.release).toBe(healthy);
});

test("a release that meets a port published before it: fails loudly, because of the host, and is not rolled back; mended, it is verified", async () => {
  const it = rehearsal.it;
  const changes = { "app.image": nextImage, "app.env.RELEASE": "meets" };
  const undo = await publishRedis(it);
  try {
    const failed = await failingUp(it, changes);
    expect(against(failed.report)).toEqual(["exposure.ports"]);
    expect(check(failed.report, "exposure.ports")).toMatchObject({ cause: "host", standing: true });
    expect(failed.error).toContain("Process exited with status 11");
    expect(failed.printed).toContain("exposure.ports (host: so before the release)");
    expect(await goodRelease(it)).toBe(healthy);
    expect((await ask(it, "/")).body).toMatchObject({ version: "2" });
  } finally {
    await undo();
  }
  const mended = await it.up(changes);
  expect(against(mended.report)).toEqual([]);
  expect(await goodRelease(it)).toBe(mended.release);
});

/** Ids of the checks that do not let the verification pass. */
function against(report: Report): string[] {
  return report.checks.filter((it) => !passes(it)).map((it) => it.id).toSorted();
}

function stateful({ redis, postgres, proxy }: Readonly<Record<string, string>>): object {
  return { redis, postgres, proxy };
}
