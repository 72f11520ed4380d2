import { describe, expect, test } from "vitest";
import { ask } from "../../rehearsal/observe.ts";
import { SPLIT_API } from "../../rehearsal/topology.ts";
import { onHost } from "../../src/cli/host.ts";
import { nodesOf, nodesWith } from "../../src/cli/nodes.ts";
import type { RunPulumi } from "../../src/cli/pulumi.ts";
import { lastUpdate, rollBackUpdate, stateOf } from "../../src/cli/rollback.ts";
import type { Report } from "../../src/verify/types.ts";
import { commands, type } from "../helpers/checks/follow.ts";
import { check, noPulumi, notPassed, rehearsed } from "../helpers/deployment.ts";
import { words } from "../helpers/faults.ts";
import { eventually } from "../helpers/hardware.ts";
import { JobGiver } from "../helpers/job-giver.ts";
import { lost } from "../helpers/jobs-done.ts";
import { Visitors } from "../helpers/visitors.ts";

/** Processes of the application: node and container. */
const APPLICATION = [["main", "berth-worker-1"], ["api", "berth-api-1"], ["api-2", "berth-api-1"]] as const;

/** The API on two nodes of its own, behind the proxy on the first: seen by those who ask through it. In this order. */
describe.skipIf(noPulumi !== undefined)(`the API behind the proxy of another node${noPulumi === undefined ? "" : `, ${noPulumi}`}`, () => {
  const rehearsal = rehearsed({ engine: "pulumi" });
  let report: Awaited<ReturnType<typeof rehearsal.it.up>>["report"];
  let outside: Awaited<ReturnType<typeof rehearsal.it.up>>["outside"];

  /** @returns what it said; it must exit 0 */
  async function run(node: string, ...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await rehearsal.it.attemptOn(node, argv);
    expect({ argv, code, stderr }).toMatchObject({ code: 0 });
    return stdout.trim();
  }
  const state = (node: string): Promise<string> => run(node, "docker", "inspect", "--format", "{{.State.Status}}", "berth-api-1");

  /** Prints what came of the visits. @returns those that failed */
  function said({ answered, failed, slowestMs }: Awaited<ReturnType<Visitors["end"]>>): readonly string[] {
    rehearsal.it.steps.line(`           ${answered} answered, ${failed.length} not, the slowest after ${slowestMs} ms`);
    expect(answered).toBeGreaterThan(20);
    return failed;
  }

  test("the private network's interfaces come late: a release waits for its node's; one that never comes is said, and the next update goes on", async () => {
    const { it } = rehearsal;
    it.machines.holdInterfaces();
    const deployed = it.up({ nodes: SPLIT_API }).then(() => "verified", String);
    // Not a minute and a half.
    await eventually("the last node runs", 300_000, async () => (await it.attemptOn("api-2", ["systemctl", "set-environment", "BERTH_NETWORK_WAIT=5"])).code === 0);
    for (const node of ["main", "api"]) {
      await eventually(`${node}'s release waits`, 300_000, async () => (await it.attemptOn(node, ["grep", "-rqs", "network: waiting for", "/var/lib/berth/results"])).code === 0);
      await it.machines.plugIn(it.serverOf(node));
    }
    expect(await deployed).not.toBe("verified");
    const log = words(await run("api-2", "sh", "-c", "cat /var/lib/berth/results/*/log"));
    expect(log).toMatch(/FAILED release\.network: seen: no interface has 10\.184\.\d+\.\d+ after 5 s; there are eth0 198\.18\.\d+\.\d+\/24; expected: this node on the private network, at 10\.184/);
    expect(log).toContain("to do: look at the server's networks in Hetzner's web interface: it has to be in one, at this address.");
    expect(log).toContain("runs now nothing: no release was good yet, and this one was not started others released before this one, and left so: main api;");
    await it.machines.plugIn();
    const up = await it.up({ nodes: SPLIT_API });
    expect(up.changes.map(({ op, name }) => `${op} ${name}`)).toEqual(["create release-api-2", "create probe"]);
    ({ report, outside } = up);
  }, 1_200_000);

  test("released and verified: every connection known by its node, the sum over both, and answers through the proxy", async () => {
    expect(notPassed(report)).toEqual([]);
    expect(outside.filter(({ status }) => status !== "pass")).toEqual([]);
    expect(check(report, "connections.total").seen).toBe("14 (api 4, api@api 4, worker@main 6)");
    // Both APIs send a job of their own: the worker is there before them.
    expect(rehearsal.it.said.filter((line) => /ok +app\.canary\.email/.test(line))).toHaveLength(2);
    expect((await ask(rehearsal.it, "/")).status).toBe(200);
    expect((await ask(rehearsal.it, "/ops/queue")).status).toBe(404);
  });

  test("berth finds the nodes that have it", async () => {
    const { it } = rehearsal;
    const nodes = await nodesOf(undefined, undefined, async (args) => ({ code: 0, stdout: await it.pulumi.run(args), stderr: "" }));
    const on = async (role: string): Promise<string[]> => (await nodesWith(nodes, [role])).map(({ name }) => name ?? "");
    expect({ api: await on("api"), proxy: await on("proxy"), worker: await on("worker") }).toEqual({ api: ["api", "api-2"], proxy: ["main"], worker: ["main"] });
  });

  test("one API's port, opened to the other by hand on its node: exposure.private fails there, and passes once the advice was typed", async () => {
    const { it } = rehearsal;
    const verified = async (node: string): Promise<Report> => {
      const { stdout } = await it.attemptOn(node, ["/opt/berth/scripts/current/berth", "verify", "--json"], { timeoutMs: 180_000 });
      return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Report;
    };
    await run("api-2", "nft", "insert", "rule", "inet", "berth", "forward", "ct", "original", "proto-dst", "3000", "accept");
    const open = await verified("api");
    expect(notPassed(open)).toEqual(["exposure.private"]);
    const found = check(open, "exposure.private");
    expect(found).toMatchObject({ status: "fail", cause: "release", seen: expect.stringMatching(/^api on api-2: 10\.\d+\.\d+\.\d+:3000 accepted a connection$/) as string });
    expect(commands(found.advice)).toEqual(["berth ssh --node=api-2 -- sudo /opt/berth/scripts/current/berth firewall"]);
    for (const command of commands(found.advice)) await type(it, command);
    expect(notPassed(await verified("api"))).toEqual([]);
  });

  test("one of them is stopped in order, as a reboot does, and the other killed: nobody who asks sees it", async () => {
    const { it } = rehearsal;
    const visitors = new Visitors(it, { jobs: true });
    await run("api-2", "systemctl", "stop", "berth.service");
    expect(await state("api-2")).toBe("exited");
    await run("api-2", "systemctl", "start", "berth.service");
    expect(said(await visitors.end())).toEqual([]);
    // What has a body, and meets a dead API as the first, gets the proxy's 502 (caddy#7546).
    const readers = new Visitors(it, { jobs: false });
    await run("api", "docker", "kill", "berth-api-1");
    expect(await state("api")).toBe("exited");
    const then = readers.answered;
    await eventually("the other answers all of them", 20_000, () => Promise.resolve(readers.answered > then + 60));
    await run("api", "docker", "start", "berth-api-1");
    expect(said(await readers.end())).toEqual([]);
  });

  test("a version that only the last node finds bad: that node goes back by itself, `berth rollback` takes the others back; nobody who asks sees it, and no job is lost", async () => {
    const { it } = rehearsal;
    const images = (): Promise<string[]> => Promise.all(APPLICATION.map(([node, container]) => run(node, "docker", "inspect", "--format", "{{.Config.Image}}", container)));
    const pulumi: RunPulumi = async (args) => ({ code: 0, stdout: await it.pulumi.run(args), stderr: "" });
    const before = await images();
    const bad = await it.appImage("2");
    const [visitors, jobs] = [new Visitors(it, { jobs: false }), new JobGiver()];
    jobs.begin(it);
    await jobs.works(it);
    expect(await it.up({ "app.image": bad, "app.heartbeatKey": "nobody:renews", "verify.settleSeconds": 5 }).catch(String)).toContain("release-api-2");
    expect(await images()).toEqual([bad, bad, before[2]]);
    const lines: string[] = [];
    const code = await rollBackUpdate(await nodesOf(undefined, undefined, pulumi), {
      since: await lastUpdate(undefined, pulumi), state: stateOf, back: ({ target }) => onHost(target, ["rollback"], 900), say: (line) => void lines.push(line),
    });
    expect([code, lines]).toEqual([0, ["going back: api, main; left as they are: api-2", "\n== api", "\n== main"]]);
    expect(await images()).toEqual(before);
    await jobs.works(it);
    await jobs.end();
    expect(said(await visitors.end())).toEqual([]);
    expect(jobs.refused).toBe(0);
    for (const id of jobs.taken) await expect.poll(async () => (await ask(it, `/jobs/${id}`)).body, { timeout: 60_000, interval: 1_000, message: id }).toMatchObject({ id, state: "completed" });
    expect(await lost(it, jobs.taken)).toEqual({ rows: [], completed: [], again: [], failed: "0" });
    it.steps.line(`           ${jobs.taken.length} jobs taken meanwhile, each done once`);
  });

  test("a new version over one after the other: nobody who asks sees it", async () => {
    const image = await rehearsal.it.appImage("2");
    const visitors = new Visitors(rehearsal.it, { jobs: true });
    const up = await rehearsal.it.up({ "app.image": image });
    expect(said(await visitors.end())).toEqual([]);
    expect(notPassed(up.report)).toEqual([]);
    expect((await ask(rehearsal.it, "/")).body).toMatchObject({ version: "2" });
  });

  test("a lower count: the API that leaves is stopped before the first release, comes back when that one fails, and is gone when all are verified", async () => {
    const { it } = rehearsal;
    const nodes = { ...SPLIT_API, api: { ...SPLIT_API.api, count: 1 } };
    const [stops, starts] = ["leaves the stack: stopping it before the first release", "starting again what was to leave the stack"];
    let before = it.said.length;
    const told = (text: string): boolean => it.said.slice(before).some((line) => line.includes(text));
    expect(await it.up({ nodes, "app.migrate": ["node", "-e", "process.exit(3)"] }).then(() => "verified", String)).not.toBe("verified");
    expect(["the migration ended with 3", stops, starts].map(told)).toEqual([true, true, true]);
    await eventually("the API that was to leave runs again", 120_000, async () => (await state("api-2")) === "running");
    before = it.said.length;
    const up = await it.up({ nodes });
    expect([stops, starts].map(told)).toEqual([true, false]);
    expect(notPassed(up.report)).toEqual([]);
    expect(check(up.report, "connections.total").seen).toBe("10 (api 4, worker@main 6)");
    expect(it.nodes.toSorted()).toEqual(["api", "main"]);
  }, 600_000);

  test("all on one again: the same address answers, and the other servers go", async () => {
    const { address } = rehearsal.it;
    const up = await rehearsal.it.up({ nodes: { main: { roles: ["proxy", "api", "worker", "redis", "postgres"] } } });
    expect(notPassed(up.report)).toEqual([]);
    expect(up.outside.filter(({ status }) => status !== "pass")).toEqual([]);
    expect(rehearsal.it.nodes).toEqual(["main"]);
    expect(up.address).toBe(address);
  });
});
