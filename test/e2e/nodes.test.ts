import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ask, containerIds, redisCli, redisClients, verify } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { SPLIT_WORKER } from "../../rehearsal/topology.ts";
import { diagnoseHost } from "../../src/cli/doctor.ts";
import { type NodeTarget, nodesOf, nodesWith } from "../../src/cli/nodes.ts";
import { verifyNodes } from "../../src/cli/verify.ts";
import type { Diagnosis } from "../../src/doctor/types.ts";
import { check, noPulumi, notPassed, rehearsed } from "../helpers/deployment.ts";
import { act, answersAgain, eventually } from "../helpers/hardware.ts";
import { JobGiver } from "../helpers/job-giver.ts";
import { deployer, killAll } from "../helpers/interruption.ts";
import { cutOff, heal } from "../helpers/partition.ts";
import { lost } from "../helpers/jobs-done.ts";
import { keepRows, keptRows } from "../helpers/kept-rows.ts";

const SPLIT_DATA = { main: { roles: ["proxy", "api", "worker"] }, data: { roles: ["redis", "postgres"] } };
const SINGLE = { main: { roles: ["proxy", "api", "worker", "redis", "postgres"] } };

/** One living stack that is spread over two servers and put together again, with jobs being added and worked the whole time. In this order. */
describe.skipIf(noPulumi !== undefined)(`from one node to several and back${noPulumi === undefined ? "" : `, ${noPulumi}`}`, () => {
  const rehearsal = rehearsed({ engine: "pulumi" });
  // Jobs that no fault met, and jobs that were given while a node or the network was away.
  const [calm, faulty] = [new JobGiver(), new JobGiver()];
  let addressed = "";
  let rows = "";

  beforeAll(async () => {
    await rehearsal.it.up();
    addressed = rehearsal.it.address;
    await redisCli(rehearsal.it, "SET kept since-the-start");
    rows = await keepRows(rehearsal.it);
    calm.begin(rehearsal.it);
  });
  afterAll(() => Promise.all([calm.end(), faulty.end()]));

  test("the worker on a node of its own: a server is made, nothing is moved", async () => {
    expect.soft(await previewed(rehearsal.it, SPLIT_WORKER)).toEqual(["create release-worker", "create server", "create server-worker", "update release"]);
    expect.soft(await moved(rehearsal.it, SPLIT_WORKER)).toEqual([]);
    expect(await placed(rehearsal.it)).toEqual({ proxy: ["main"], api: ["main"], redis: ["main"], postgres: ["main"], worker: ["worker"] });
    await calm.works(rehearsal.it);
    // Redis's node sees it there, and at work.
    expect((await diagnoseHost(rehearsal.it.sshTarget)).findings.filter(({ id }) => id.startsWith("worker."))).toEqual([]);
    await calm.end();
    await nothingAtWork(rehearsal.it);
  });

  test("the worker's node is off: jobs wait, `berth verify` names it; powered on, it takes them up by nobody's hand", async () => {
    const { it } = rehearsal;
    await act(it, "poweroff", "worker");
    faulty.begin(it);
    await eventually("jobs wait", 60_000, async () => Number(await redisCli(it, "LLEN bull:email:wait")) > 3);
    expect((await ask(it, "/readyz")).status).toBe(200);
    const { code, said } = await verifiedFromHere(await nodesHere(it));
    expect(code).toBe(1);
    expect(said).toContain("berth: node worker does not answer: connect to deploy@");
    expect(said).toContain("1 of 2 nodes did not answer: worker.");
    // Not connected, or still by a connection whose other end is gone: it is the worker, and not a queue that is behind.
    let found: Diagnosis["findings"] = [];
    await eventually("the diagnosis of Redis's node names the worker's", 90_000, async () => {
      found = (await diagnoseHost(it.sshTarget)).findings.filter(({ id }) => id.startsWith("worker.") || id === "queue.backlog");
      return found[0]?.what.endsWith(": node worker") === true;
    });
    it.steps.line(`           ${found.map(({ id, what, evidence }) => `${id}: ${what} (${evidence.join("; ")})`).join("\n           ")}`);
    expect(found[0]?.next).toContain("`berth status --node=worker`");
    expect(JSON.stringify(found)).not.toContain("serverType");
    await act(it, "poweron", "worker");
    await faulty.works(it);
    await faulty.end();
    calm.begin(it);
  });

  test("Redis and Postgres on a node of their own, the worker back: data is moved before the release that expects it there", async () => {
    const { it } = rehearsal;
    expect.soft(await previewed(it, SPLIT_DATA)).toEqual([
      "create release-data", "create server-data", "delete release-worker", "delete server-worker",
      "postgres: its data (SIZE) will be moved from node main to node data (ADDRESS); the application stops meanwhile, and a copy stays on node main",
      "redis: its data (SIZE) will be moved from node main to node data (ADDRESS); the application stops meanwhile, and a copy stays on node main",
      "update release",
    ]);
    expect.soft(await moved(it, SPLIT_DATA)).toEqual([MOVED("redis"), MOVED("postgres")]);
    expect(await placed(it)).toEqual({ proxy: ["main"], api: ["main"], worker: ["main"], postgres: ["data"], redis: ["data"] });
    expect(await keptRows(it)).toBe(rows);
    await calm.works(it);
    await calm.end();
    await nothingAtWork(it);
  });

  test("the data's node is cut off: requests are answered in bounded time, and all is as it was within seconds of the healing", async () => {
    const { it } = rehearsal;
    faulty.begin(it);
    await faulty.works(it);
    await cutOff(it, "data");
    const answers: { status: number; seconds: number }[] = [];
    const cut = Date.now();
    while (Date.now() - cut < 20_000) {
      const asked = Date.now();
      const { status } = await ask(it, "/readyz");
      answers.push({ status, seconds: (Date.now() - asked) / 1000 });
    }
    await heal(it);
    const seconds = await answersAgain(it);
    it.steps.line(`           ready ${seconds.toFixed(1)} s after the network was`);
    // The first may have been asked before the cut was felt.
    expect([...new Set(answers.slice(1).map(({ status }) => status))]).toEqual([503]);
    expect(Math.max(...answers.map((answer) => answer.seconds))).toBeLessThan(5);
    await faulty.works(it);
    await eventually("exactly the expected connections", 60_000, async () => (await redisClients(it)).length === 10);
    expect(notPassed(await verify(it))).toEqual([]);
  });

  test("the data's node loses its power, and no connection is told so: the append-only file is loaded, and the application goes on", async () => {
    const { it } = rehearsal;
    await cutOff(it, "data");
    await act(it, "reset", "data");
    await heal(it);
    it.steps.line(`           ready ${(await answersAgain(it)).toFixed(1)} s after the power came back`);
    await faulty.works(it);
    await faulty.end();
    const data = await it.attemptOn("data", [BERTH, "verify", "--json"], { timeoutMs: 180_000 });
    expect(check(JSON.parse(data.stdout.trim().split("\n").at(-1) ?? ""), "redis.loading").status).toBe("pass");
    expect(data.code).toBe(0);
    calm.begin(it);
  });

  test("what would lose data is refused, before anything stops", async () => {
    const { it } = rehearsal;
    const before = await containerIds(it);
    // Nodes taken out of the configuration while the data is elsewhere.
    const dropped = await it.up({ nodes: {} }).catch(String);
    expect(dropped).toContain("its data is on the node at");
    // Another volume than a node has: Pulumi would detach the one with the data first.
    const other = { ...SPLIT_DATA, data: { ...SPLIT_DATA.data, volumeId: 1 } };
    expect(await it.pulumi.preview(it.configWith({ nodes: other }), []).then(() => "", String)).toMatch(/nodes\.data\.volumeId: required \d+, the volume that server berth-rehearsal-data has, .*; found 1/);
    // No room where it is to go.
    await it.exec(["sh", "-c", "fallocate -l $(df -B1 --output=avail /mnt/berth | tail -n 1) /mnt/berth/full"]);
    const room = [(await previewed(it, SINGLE)).join("\n"), await it.up({ nodes: SINGLE }).catch(String)];
    await it.exec(["rm", "/mnt/berth/full"]);
    for (const said of room) expect(said).toMatch(/move redis and postgres: (?:SIZE|\d+ MB) free are required on the first node, found \d MB\. Give it a larger volume/);
    expect(room[1]).toContain("Nothing was stopped, and nothing moved");
    // A second copy, by somebody's hand.
    const copy = "/mnt/berth/redis/appendonlydir";
    await it.exec(["sh", "-c", `mkdir -p ${copy} && touch ${copy}/appendonly.aof.manifest`]);
    const preview = await previewed(it, SINGLE);
    const twice = await it.up({ nodes: SINGLE }).catch(String);
    await it.exec(["rm", "-r", copy]);
    expect(preview.join("\n")).toContain("`pulumi up` will refuse this. move redis: one copy of its data is required, found two");
    expect(twice).toContain("Nothing was stopped, and nothing moved");
    expect(await containerIds(it)).toEqual(before);
    await calm.works(it);
  });

  test("all on one again: a move whose connections are cut comes back by itself", async () => {
    const { it } = rehearsal;
    await calm.end();
    expect.soft(await previewed(it, SINGLE)).toEqual([
      "delete release-data", "delete server", "delete server-data",
      "postgres: its data (SIZE) will be moved from the node at ADDRESS to node main; the application stops meanwhile, and a copy stays on the node at ADDRESS",
      "redis: its data (SIZE) will be moved from the node at ADDRESS to node main; the application stops meanwhile, and a copy stays on the node at ADDRESS",
      "update release",
    ]);
    await cutWhileTaking(it, "postgres");
    expect(await it.up({ nodes: SINGLE }).catch(String)).toContain("No data is lost");
    // What the timer does after ten minutes in which nobody goes on: here as soon as it may.
    for (const node of ["data", "main"]) {
      expect((await it.attemptOn(node, ["systemctl", "is-active", "berth-return.timer"])).stdout.trim()).toBe("active");
      await eventually(`${node} is started again`, 60_000, async () => (await it.attemptOn(node, [BERTH, "data", "return"])).stderr.includes("starting the application again"));
    }
    await answersAgain(it);
    calm.begin(it);
    await calm.works(it);
  });

  test("the deployer is killed when a node gives its copy up and the book does not say so yet: it does not come back, neither with that copy nor empty, and says why", async () => {
    const { it } = rehearsal;
    const up = it.up({ nodes: SINGLE }).then(() => "verified", String);
    const release = await holdBook(it, "redis");
    killAll(deployer(it));
    expect(await up).not.toBe("verified");
    await release();
    await it.pulumi.run(["cancel", "--yes"]);
    expect((await it.attemptOn("data", [BERTH, "data"])).stdout).toMatch(/^redis here - \d+\nleaving redis$/m);
    // What the timer does after ten minutes, on both.
    for (const node of ["data", "main"]) await eventually(`${node} is started again`, 60_000, async () => (await it.attemptOn(node, [BERTH, "data", "return"])).stderr.includes("starting the application again"));
    await eventually("the data's node refuses", 60_000, async () => (await it.attemptOn("data", ["journalctl", "-u", "berth", "-o", "cat", "--no-pager"])).stdout.includes(
      "boot: refused: redis: a move was giving its data to another node when it was cut off, and which copy is the right one only an update can tell. `pulumi up` ends the move"));
    const running = await Promise.all(["data", "main"].map(async (node) => (await it.attemptOn(node, ["docker", "ps", "--format", "{{.Names}}"])).stdout));
    expect(running.join("")).not.toMatch(/redis|postgres/);
  });

  test("the next update ends it; the other servers go", async () => {
    const { it } = rehearsal;
    expect.soft(await moved(it, SINGLE)).toEqual([MOVED("redis"), MOVED("postgres")]);
    expect(it.api.books.servers.size).toBe(1);
    expect(it.address).toBe(addressed);
    expect(await keptRows(it)).toBe(rows);
    await calm.works(it);
  });

  test("no job that was taken is lost; none was done twice, but those that a fault met at work", async () => {
    const { it } = rehearsal;
    await calm.end();
    it.steps.line(`           ${calm.taken.length} jobs taken in calm and ${faulty.taken.length} amid faults, ${calm.refused} and ${faulty.refused} requests refused`);
    expect(calm.taken.length).toBeGreaterThan(50);
    // Asking brings a row up to date whose event nobody heard.
    for (const id of [...calm.taken, ...faulty.taken]) await expect.poll(async () => (await ask(it, `/jobs/${id}`)).body, { timeout: 60_000, interval: 1_000, message: id }).toMatchObject({ id, state: "completed" });
    expect(await lost(it, calm.taken)).toEqual({ rows: [], completed: [], again: [], failed: "0" });
    const { again, ...amid } = await lost(it, faulty.taken);
    it.steps.line(`           ${again.length} ran again because a fault met them at work`);
    expect(amid).toEqual({ rows: [], completed: [], failed: "0" });
    expect(await redisCli(it, "GET kept")).toBe("since-the-start\n");
  });
});

const BERTH = "/opt/berth/scripts/current/berth";
const MOVED = (role: string): string => `moved the data of ${role}, every file compared with its sum; the old copy is kept under another name`;

/** What a preview says of servers, their places in the network, releases, and moves of data. */
async function previewed(it: Rehearsal, nodes: object): Promise<string[]> {
  const { changes, text } = await it.pulumi.preview(it.configWith({ nodes }), []);
  const said = changes.map(({ op, name }) => `${op} ${name}`).filter((line) => / (?:server|release)/.test(line));
  const warned = [...text.matchAll(/warning: (.*)$/gm)].map(([, line = ""]) => line.trim().replaceAll(/\d+\.\d+\.\d+\.\d+/g, "ADDRESS").replace(/\d+ MB/, "SIZE"));
  return [...new Set([...said, ...warned])].toSorted();
}

/** Carry it out, verified on each node. @returns what it said of data that it moved */
async function moved(it: Rehearsal, nodes: object): Promise<string[]> {
  const before = it.said.length;
  const up = await it.up({ nodes });
  expect(notPassed(up.report)).toEqual([]);
  expect(up.outside.filter((one) => one.status !== "pass")).toEqual([]);
  it.steps.line(`           ${up.seconds.toFixed(0)} s, ${up.report.checks.length} checks, ${up.report.connections.length} connections`);
  return [...new Set(it.said.slice(before).flatMap((line) => /moved the data.*/.exec(line)?.[0].trim() ?? []))];
}

/** Before a fault: a job that it met at work would run again. */
async function nothingAtWork(it: Rehearsal): Promise<void> {
  const lists = ["email", "file"].flatMap((queue) => ["wait", "active"].map((state) => `LLEN bull:${queue}:${state}`));
  await eventually("no job waits or is at work", 60_000, async () => /^(0\n){4}$/.test(await redisCli(it, ...lists)));
}

/** Every connection to the first node ends as it begins to take a role's data: as if the deployer had died. */
async function cutWhileTaking(it: Rehearsal, role: string): Promise<void> {
  const taking = `until grep -q '^taking ${role}' /var/lib/berth/lock; do sleep 0.02; done; pkill -KILL -u deploy sshd-session || pkill -KILL -u deploy sshd`;
  await it.exec(["systemd-run", "--unit=cut-while-taking", "--collect", "sh", "-c", taking]);
}

/**
 * Wait until the first node is about to write down that a role's data is here now, and keep it from doing so.
 * @returns what lets it go, the line not written
 */
async function holdBook(it: Rehearsal, role: string): Promise<() => Promise<void>> {
  const [held, instead] = ["/run/book-held", "/usr/local/sbin/rm"];
  await it.exec(["sh", "-c", `cat >${instead} && chmod 0755 ${instead}`], { input: `#!/bin/sh\ncase "$*" in *data-${role}-at*) echo $$ >${held}; exec sleep 900 ;; esac\nexec /usr/bin/rm "$@"\n` });
  await eventually("the book is about to be written", 300_000, async () => (await it.attempt(["test", "-s", held])).code === 0);
  return async () => {
    await it.exec(["sh", "-c", `kill $(cat ${held}); /usr/bin/rm ${held} ${instead}`]);
  };
}

async function nodesHere(it: Rehearsal): Promise<NodeTarget[]> {
  const pulumi = async (args: readonly string[]) => ({ code: 0, stdout: await it.pulumi.run(args), stderr: "" });
  return await nodesOf(undefined, undefined, pulumi);
}

/** `berth verify` as a laptop runs it. */
async function verifiedFromHere(nodes: readonly NodeTarget[]): Promise<{ code: number; said: string }> {
  let said = "";
  const heard = vi.spyOn(process.stderr, "write").mockImplementation((text) => { said += String(text); return true; });
  try {
    const code = await verifyNodes(nodes, false);
    return { code, said: said.replaceAll(/\s+/g, " ") };
  } finally {
    heard.mockRestore();
  }
}

/** Role -> the nodes that have it, as `berth exec` and `berth logs` find them. */
async function placed(it: Rehearsal): Promise<Record<string, string[]>> {
  const nodes = await nodesHere(it);
  const roles = Object.keys(await containerIds(it));
  const found = roles.map(async (role) => [role, (await nodesWith(nodes, [role])).map(({ name }) => name ?? "")] as const);
  return Object.fromEntries(await Promise.all(found));
}
