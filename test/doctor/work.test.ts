import { describe, expect, test } from "vitest";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { parseDoctor } from "../../src/doctor/parse.ts";
import type { Diagnosis, Finding } from "../../src/doctor/types.ts";
import { diagnosis, healthySection, ids, stream } from "./captured.ts";

/** Who works the queues: a worker that hangs, one that was killed and came back, one on another node. */

type Job = { readonly id: string; readonly begun: string | false; readonly lock: number };
type Look = { readonly completed?: number; readonly waiting?: number; readonly active?: number; readonly jobs?: readonly Job[]; readonly oldest?: object };
type Change = Readonly<Record<string, string | undefined>>;

/** The healthy server's two looks were at 07:58:26 and 07:58:30; its worker started at 07:14:30. */
const EARLY = "1795417000000"; // 06:56:40
const LATE = "1795420660000"; // 07:57:40
const WAITS = { id: "1", added: "1795420400000", delay: 0 }; // for 306 s, then 310 s
/** Three that Redis handed to a process that was stopped. */
const HANDED = ["one", "two", "three"].map((id) => ({ id, begun: false as const, lock: -2 }));

/** The healthy server, with the queue `email` as it was at either look. */
function withEmail(first: Look, second: Look, change: Change = {}): string {
  const looks = [first, second];
  const text = stream(undefined, change).replaceAll(/"(\{\\"now\\":.*\})"$/gm, (_, answer: string) => {
    const said = JSON.parse(JSON.parse(`"${answer}"`) as string) as { queues: { name: string }[] };
    const at = looks.shift();
    const queues = said.queues.map((queue) => (queue.name === "email" ? { ...queue, active: at?.jobs?.length ?? 0, ...at } : queue));
    return JSON.stringify(JSON.stringify({ ...said, queues }));
  });
  expect(looks).toEqual([]);
  return text;
}

function look(text: string): Diagnosis {
  return diagnose(parseDoctor(text));
}

function only(text: string): Finding | undefined {
  return look(text).findings[0];
}

function seen(text: string): string | undefined {
  return look(text).seen.find(({ label }) => label === "queue email")?.text;
}

/** Docker's word of the worker, changed; and of the release's beginning. */
function worker(change: (line: string) => string): { inspect: string; baseline: string } {
  const inspect = healthySection("inspect").split("\n").map((line) => (line.includes('service":"worker"') ? change(line) : line)).join("\n");
  return { inspect, baseline: `restarts ${/"Id":"(\w+)","Name":"\/berth-worker-1"/.exec(inspect)?.[1] ?? ""} 0` };
}

const STARTED = "2026-11-23T07:14:30.406571607Z";
const restarted = (at: string, more: (line: string) => string = (line) => line) => worker((line) => more(line.replace(STARTED, at).replace('"RestartCount":0', '"RestartCount":1')));

describe("a worker that was killed left its job, and the next one works", () => {
  const left = { id: "left", begun: LATE, lock: -2 };
  const at = (id: string, lock: number): Job => ({ id, begun: LATE, lock });

  test.each<[what: string, first: Look, second: Look]>([
    ["others are done", { completed: 46, jobs: [left, at("a", 25_000)] }, { completed: 86, jobs: [left, at("b", 25_000)] }],
    ["others are begun, and what is done is not kept", { jobs: [left] }, { jobs: [left, at("b", 25_000)] }],
    ["others leave the list", { jobs: [left, at("a", 25_000)] }, { jobs: [left] }],
    ["one long job keeps its lock", { jobs: [left, at("a", 16_000)] }, { jobs: [left, at("a", 28_000)] }],
  ])("%s: nothing is amiss, and the job is told among what was seen", (_, first, second) => {
    const text = withEmail(first, second);
    expect(ids(look(text))).toEqual([]);
    expect(seen(text)).toContain("1 stalled, 0 delayed");
    expect(seen(text)).toMatch(/; a worker that was killed left 1 stalled job \(left\): within 90 s Bull itself runs it again$/);
  });

  test("nothing else is there to do: it was begun before the worker started", () => {
    const quiet = { jobs: [left] };
    const text = withEmail(quiet, quiet, restarted("2026-11-23T07:58:10.000000000Z"));
    expect(ids(look(text))).toEqual(["containers.restarts"]);
    expect(only(text)?.evidence).toMatchInlineSnapshot(`
      [
        "worker: 1 restart, the last 20 s ago",
      ]
    `);
    expect(seen(text)).toContain("left 1 stalled job (left)");
  });

  test("it was killed for want of memory: that is the cause", () => {
    const busy = restarted("2026-11-23T07:58:10.000000000Z", (line) => line.replace('"OOMKilled":false', '"OOMKilled":true'));
    const found = look(withEmail({ completed: 46, jobs: [left] }, { completed: 86, jobs: [left] }, busy));
    expect(ids(found)).toEqual(["memory.oom", "containers.restarts"]);
    expect(found.findings[0]?.evidence[0]).toBe("Docker's word: its last end was an OOM kill");
    // Docker's flag alone is of a death before this release.
    expect(ids(look(stream(undefined, worker((line) => line.replace('"OOMKilled":false', '"OOMKilled":true')))))).toEqual([]);
  });

  test("the last heartbeat and what waits are its predecessor's, until it has been there for as long", () => {
    const late = (text: string) => text.replaceAll(/^(79008|75713)$/gm, "30000");
    const waits = { waiting: 3, oldest: WAITS };
    const at20 = restarted("2026-11-23T07:58:10.000000000Z");
    expect(ids(look(late(withEmail({}, {}, at20))))).toEqual(["containers.restarts"]);
    expect(ids(look(late(withEmail({}, {}, restarted("2026-11-23T07:57:30.000000000Z")))))).toContain("worker.hung");
    expect(ids(look(withEmail(waits, waits, restarted("2026-11-23T07:58:25.000000000Z"))))).not.toContain("worker.hung");
    expect(ids(look(withEmail(waits, waits, restarted("2026-11-23T07:58:00.000000000Z"))))).toContain("worker.hung");
  });
});

describe("a worker that hangs", () => {
  test("one that was stopped, as captured: its process is evidence", () => {
    const [found] = diagnosis("hung").findings;
    expect(found?.id).toBe("worker.hung");
    expect(found?.evidence.join(" ")).toMatch(/queue email: \d stalled jobs?.*is stopped \(state T\)/);
  });

  test("what Redis handed to it is not begun: it is first, whatever becomes active meanwhile", () => {
    for (const first of [HANDED, HANDED.slice(0, 2)]) {
      const found = only(withEmail({ jobs: first }, { jobs: HANDED }));
      expect(found?.id).toBe("worker.hung");
      expect(found?.evidence[0]).toMatch(/^queue email: \d stalled jobs: active, and nobody renews the lock \(job one\)$/);
    }
  });

  test("a lock that only runs down keeps nobody from being found", () => {
    const held = (lock: number): Job => ({ id: "held", begun: LATE, lock });
    expect(only(withEmail({ jobs: [...HANDED, held(20_000)] }, { jobs: [...HANDED, held(16_700)] }))?.id).toBe("worker.hung");
  });

  test("Redis answered once: nothing is made of one look", () => {
    const jobs = { jobs: HANDED, waiting: 3, oldest: WAITS };
    const once = withEmail(jobs, jobs).replace(/^@@ after-redis\n[^]*?(?=^@@ [a-z]+\n)/m, "@@ after-redis\n! Redis: no answer within 3 s\n");
    expect(ids(look(once))).toEqual(["queue.backlog"]);
    expect(only(once)?.what).toBe("queue email is behind");
  });
});

describe("the worker is on another node than Redis", () => {
  const JOBS = { holder: "worker@jobs-2", process: "worker", address: "10.83.9.9" };
  const API = { holder: "api", process: "api", address: null };
  const WAITING = { waiting: 40, oldest: WAITS };

  /** The node with Redis; its clients under 172.18.0.5 come from the worker's node. */
  function main(change: { readonly workers?: readonly object[]; readonly last?: boolean; readonly images?: object } = {}): { expectations: string; inspect: string } {
    const all = JSON.parse(healthySection("expectations")) as { images: Record<string, string> };
    const images = change.images ?? Object.fromEntries(Object.entries(all.images).filter(([service]) => service !== "worker"));
    const workers = change.workers ?? [JOBS];
    const [instances, others] = change.last === true ? [[API, ...workers], []] : [[API], workers];
    const node = { name: "main", address: "10.83.0.2", redis: "here", postgres: "here", api: "here", at: {}, last: change.last ?? false, canary: false, instances, others, privatePorts: [6379], refused: [] };
    const inspect = healthySection("inspect").split("\n").filter((line) => change.images !== undefined || !line.includes('service":"worker"')).join("\n");
    return { expectations: JSON.stringify({ ...all, images, node }, null, 2), inspect };
  }
  const joined = (text: string) => text.replaceAll("addr=172.18.0.5:", "addr=10.83.9.9:");
  const cut = (text: string) => text.replaceAll(/^id=.* addr=172\.18\.0\.5:.*\n/gm, "");

  test("it is healthy: nothing is amiss", () => {
    expect(ids(look(joined(withEmail({}, {}, main()))))).toEqual([]);
    expect(ids(look(joined(withEmail({}, {}, main({ last: true })))))).toEqual([]);
  });

  test("it is dead: its node is named, and where to look next", () => {
    const text = cut(withEmail(WAITING, WAITING, main())).replaceAll(/^(79008|75713)$/gm, "-2");
    const found = look(text);
    expect(ids(found)).toEqual(["worker.down", "queue.backlog"]);
    expect(found.findings).toMatchInlineSnapshot(`
      [
        {
          "changes": [],
          "evidence": [
            "no connection from node jobs-2 (10.83.9.9)",
            "no heartbeat: the key berth:heartbeat:worker has expired (90 s)",
            "queue email: 40 waiting (the oldest for 310 s), 0 active",
          ],
          "followsFrom": [],
          "id": "worker.down",
          "level": "critical",
          "next": "\`berth status --node=jobs-2\` says whether its container runs, \`berth logs worker\` why not. A server that is off, or cut off, answers neither: look at it in Hetzner's web interface.",
          "what": "no worker is connected to Redis: node jobs-2",
        },
        {
          "changes": [],
          "evidence": [
            "40 waiting, the oldest for 310 s, 0 active",
            "0 done while it was watched",
          ],
          "followsFrom": [
            "worker.down",
          ],
          "id": "queue.backlog",
          "level": "warning",
          "next": "Nobody takes its jobs. Is the process that is meant to connected, and does it process this queue? \`berth doctor clients\`, then its log (\`berth logs worker\`).",
          "what": "queue email stands still",
        },
      ]
    `);
    expect(JSON.stringify(found)).not.toMatch(/serverType|docker restart/);
    expect(ids(look(cut(withEmail({}, {}, main({ last: true })))))).toEqual(["worker.down"]);
  });

  test("it is connected and takes nothing: that node's, with its container", () => {
    const found = look(joined(withEmail(WAITING, WAITING, main())));
    expect(ids(found)).toEqual(["worker.hung", "queue.backlog"]);
    expect(found.findings[0]).toMatchInlineSnapshot(`
      {
        "changes": [],
        "evidence": [
          "queue email: 40 waiting for up to 310 s, and nothing is taken up",
          "connected from node jobs-2 (10.83.9.9)",
          "queue email: 40 waiting (the oldest for 310 s), 0 active",
        ],
        "followsFrom": [],
        "id": "worker.hung",
        "level": "critical",
        "next": "\`berth status --node=jobs-2\` says whether it is healthy, \`berth logs worker\` what it did last. One that hangs: \`berth ssh --node=jobs-2 -- sudo docker restart --time 10 berth-worker-1\`: its jobs run again. Then find the job that does not yield: work that keeps the event loop belongs in a thread or a process.",
        "what": "the worker is connected and does nothing: node jobs-2",
      }
    `);
    expect(ids(look(joined(withEmail({ jobs: HANDED }, { jobs: HANDED }, main()))))).toEqual(["worker.hung"]);
    expect(ids(look(joined(withEmail({}, {}, main())).replaceAll(/^(79008|75713)$/gm, "-2")))).toEqual(["worker.hung"]);
  });

  test("it was killed and works again: what it left is no sign", () => {
    const left = { id: "left", begun: EARLY, lock: -2 };
    const text = joined(withEmail({ jobs: [left] }, { jobs: [left] }, main()));
    expect(ids(look(text))).toEqual([]);
    expect(seen(text)).toContain("left 1 stalled job (left)");
    // Its connections are 635 s old: what was begun since is its own.
    const own = { ...left, begun: LATE };
    expect(ids(look(joined(withEmail({ jobs: [own] }, { jobs: [own] }, main()))))).toEqual(["worker.hung"]);
  });

  test("it works, and more comes in than it does: the larger server is its node's", () => {
    const found = only(joined(withEmail({ ...WAITING, completed: 6 }, { ...WAITING, completed: 9 }, main())));
    expect([found?.id, found?.what]).toEqual(["queue.backlog", "queue email is behind"]);
    expect(found?.changes.map(({ key }) => key)).toEqual(["nodes.jobs.serverType"]);
    expect(found?.next).toContain("a larger server for node jobs-2");
  });

  test("an API beside it is not it; one of several that is gone stops nothing", () => {
    const beside = withEmail({}, {}, main()).replaceAll("addr=172.18.0.4:", "addr=10.83.9.9:");
    expect(ids(look(cut(beside)))).toContain("worker.down");
    const two = { workers: [JOBS, { ...JOBS, holder: "worker@jobs-3", address: "10.83.9.10" }] };
    const one = only(joined(withEmail({}, {}, main(two))));
    expect([one?.id, one?.level, one?.what]).toEqual(["worker.down", "warning", "a worker is connected to Redis no more: node jobs-3"]);
    const also = only(withEmail({}, {}, main({ images: (JSON.parse(healthySection("expectations")) as { images: object }).images })));
    expect([also?.id, also?.level]).toEqual(["worker.down", "warning"]);
  });

  test("a release from before nodes were named for each other: nothing is made up", () => {
    const old = (JSON.parse(main().expectations) as { node: object });
    const expectations = JSON.stringify({ ...old, node: { name: "main", address: "10.83.0.2", redis: "here", postgres: "here", api: "here", last: true } });
    expect(ids(look(stream(undefined, { ...main(), expectations })))).not.toContain("worker.down");
  });
});

test("a queue in which nothing is done and nothing begun is not behind: it stands still", () => {
  const all = JSON.parse(healthySection("expectations")) as object;
  const apiAlone = { expectations: JSON.stringify({ ...all, processes: { api: { listens: true, processes: true }, worker: { listens: false, processes: false } } }) };
  const waits = { waiting: 40, oldest: WAITS };
  const backlog = (text: string) => look(text).findings.find(({ id }) => id === "queue.backlog");
  const found = backlog(withEmail(waits, waits, apiAlone));
  expect([found?.what, found?.changes]).toEqual(["queue email stands still", []]);
  expect(backlog(withEmail({ ...waits, completed: 6 }, { ...waits, completed: 9 }, apiAlone))?.what).toBe("queue email is behind");
});
