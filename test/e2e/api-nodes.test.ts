import { beforeAll, describe, expect, test } from "vitest";
import { ask } from "../../rehearsal/observe.ts";
import { SPLIT_API } from "../../rehearsal/topology.ts";
import { nodesOf, nodesWith } from "../../src/cli/nodes.ts";
import { check, noPulumi, notPassed, rehearsed } from "../helpers/deployment.ts";
import { eventually } from "../helpers/hardware.ts";
import { Visitors } from "../helpers/visitors.ts";

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

  beforeAll(async () => {
    ({ report, outside } = await rehearsal.it.up({ nodes: SPLIT_API }));
  });

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

  test("a new version over one after the other: nobody who asks sees it", async () => {
    const image = await rehearsal.it.appImage("2");
    const visitors = new Visitors(rehearsal.it, { jobs: true });
    const up = await rehearsal.it.up({ "app.image": image });
    expect(said(await visitors.end())).toEqual([]);
    expect(notPassed(up.report)).toEqual([]);
    expect((await ask(rehearsal.it, "/")).body).toMatchObject({ version: "2" });
  });

  test("all on one again: the same address answers, and the other servers go", async () => {
    const { address } = rehearsal.it;
    const up = await rehearsal.it.up({ nodes: { main: { roles: ["proxy", "api", "worker", "redis", "postgres"] } } });
    expect(notPassed(up.report)).toEqual([]);
    expect(up.outside.filter(({ status }) => status !== "pass")).toEqual([]);
    expect(rehearsal.it.nodes).toEqual(["main"]);
    expect(up.address).toBe(address);
  });
});
