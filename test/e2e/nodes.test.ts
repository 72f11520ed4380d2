import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, containerIds, redisCli } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { SPLIT_REDIS, SPLIT_WORKER } from "../../rehearsal/topology.ts";
import { nodesOf, nodesWith } from "../../src/cli/nodes.ts";
import { noPulumi, notPassed, rehearsed } from "../helpers/deployment.ts";
import { JobGiver } from "../helpers/job-giver.ts";

/** One living stack that is spread over two servers and put together again, with jobs being added and worked the whole time. In this order. */
describe.skipIf(noPulumi !== undefined)(`from one node to several and back${noPulumi === undefined ? "" : `, ${noPulumi}`}`, () => {
  const rehearsal = rehearsed({ engine: "pulumi" });
  const giver = new JobGiver();
  let addressed = "";

  beforeAll(async () => {
    await rehearsal.it.up();
    addressed = rehearsal.it.address;
    await redisCli(rehearsal.it, "SET kept since-the-start");
    giver.begin(rehearsal.it);
  });
  afterAll(() => giver.end());

  test("the worker on a node of its own: a server is made, nothing is moved", async () => {
    expect.soft(await previewed(rehearsal.it, SPLIT_WORKER)).toEqual(["create release-worker", "create server", "create server-worker", "update release"]);
    expect.soft(await moved(rehearsal.it, SPLIT_WORKER)).toEqual([]);
    expect(await placed(rehearsal.it)).toEqual({ proxy: ["main"], api: ["main"], redis: ["main"], postgres: ["main"], worker: ["worker"] });
    await giver.works(rehearsal.it);
  });

  test("Redis on a node of its own, the worker back: the append-only file is moved before the release that expects it there", async () => {
    expect.soft(await previewed(rehearsal.it, SPLIT_REDIS)).toEqual(["create release-redis", "create server-redis", "delete release-worker", "delete server-worker", "update release"]);
    expect.soft(await moved(rehearsal.it, SPLIT_REDIS)).toEqual(["moving the data of redis: from the first node to ADDRESS; the application stops meanwhile", MOVED]);
    expect(await placed(rehearsal.it)).toEqual({ proxy: ["main"], api: ["main"], worker: ["main"], postgres: ["main"], redis: ["redis"] });
    await giver.works(rehearsal.it);
  });

  test("all on one again: the data comes back, and the other servers go", async () => {
    const single = { main: { roles: ["proxy", "api", "worker", "redis", "postgres"] } };
    expect.soft(await previewed(rehearsal.it, single)).toEqual(["delete release-redis", "delete server", "delete server-redis", "update release"]);
    expect.soft(await moved(rehearsal.it, single)).toEqual(["moving the data of redis: from ADDRESS to the first node; the application stops meanwhile", MOVED]);
    expect(rehearsal.it.api.books.servers.size).toBe(1);
    expect(rehearsal.it.address).toBe(addressed);
    await giver.works(rehearsal.it);
  });

  test("no job that was taken is lost, and none was done twice", async () => {
    await giver.end();
    const { taken, refused } = giver;
    rehearsal.it.steps.line(`           ${taken.length} jobs taken, ${refused} requests refused meanwhile`);
    expect(taken.length).toBeGreaterThan(50);
    // Asking brings a row up to date whose event nobody heard.
    for (const id of taken) await expect.poll(async () => (await ask(rehearsal.it, `/jobs/${id}`)).body, { timeout: 60_000, interval: 1_000, message: id }).toMatchObject({ id, state: "completed" });
    expect(await lost(rehearsal.it, taken)).toEqual({ rows: [], completed: [], again: [], failed: "0" });
    expect(await redisCli(rehearsal.it, "GET kept")).toBe("since-the-start\n");
  });
});

const MOVED = "moved the data of redis, every file compared with its sum; the old copy is kept under another name";

/** What a preview says of servers, their places in the network, and releases. */
async function previewed(it: Rehearsal, nodes: object): Promise<string[]> {
  const { changes } = await it.pulumi.preview(it.configWith({ nodes }));
  const said = changes.map(({ op, name }) => `${op} ${name}`).filter((line) => / (?:server|release)/.test(line));
  return [...new Set(said)].toSorted();
}

/** Carry it out, verified on each node. @returns what it said of data that it moved */
async function moved(it: Rehearsal, nodes: object): Promise<string[]> {
  const before = it.said.length;
  const up = await it.up({ nodes });
  expect(notPassed(up.report)).toEqual([]);
  expect(up.outside.filter((check) => check.status !== "pass")).toEqual([]);
  it.steps.line(`           ${up.seconds.toFixed(0)} s, ${up.report.checks.length} checks, ${up.report.connections.length} connections`);
  const said = it.said.slice(before).flatMap((line) => /mov(?:ing|ed) the data.*/.exec(line)?.[0].trim() ?? []);
  return [...new Set(said)].map((line) => line.replace(/\d+\.\d+\.\d+\.\d+/, "ADDRESS"));
}

/** Role -> the nodes that have it, as `berth exec` and `berth logs` find them. */
async function placed(it: Rehearsal): Promise<Record<string, string[]>> {
  const pulumi = async (args: readonly string[]) => ({ code: 0, stdout: await it.pulumi.run(args), stderr: "" });
  const nodes = await nodesOf(undefined, undefined, pulumi);
  const roles = Object.keys(await containerIds(it));
  const found = roles.map(async (role) => [role, (await nodesWith(nodes, [role])).map(({ name }) => name ?? "")] as const);
  return Object.fromEntries(await Promise.all(found));
}

/** Of the jobs that were taken: those without a completed row, those that Redis does not have as completed, those that ran again; and how many failed. */
async function lost(it: Rehearsal, taken: readonly string[]): Promise<{ rows: string[]; completed: string[]; again: string[]; failed: string }> {
  const rows = (await it.execOn("postgres", ["docker", "exec", "berth-postgres-1", "psql", "-U", "app", "-d", "app", "-tAc", "select id from jobs where state = 'completed'"])).split("\n");
  const completed = (await redisCli(it, "ZRANGE bull:file:completed 0 -1", "ZRANGE bull:email:completed 0 -1")).split("\n");
  const again = (await redisCli(it, ...taken.flatMap((id) => ["file", "email"].map((queue) => `HMGET bull:${queue}:${id} stalledCounter attemptsMade`)))).split("\n");
  const failed = (await redisCli(it, "EVAL \"return redis.call('ZCARD', 'bull:file:failed') + redis.call('ZCARD', 'bull:email:failed')\" 0")).trim();
  const once = (list: readonly string[]) => (id: string): boolean => list.filter((one) => one === id).length !== 1;
  return { rows: taken.filter(once(rows)), completed: taken.filter(once(completed)), again: again.filter((field) => !["", "0"].includes(field.trim())), failed };
}
