import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { carry } from "../../src/resources/carry.ts";
import type { Wanted } from "../../src/resources/moves.ts";
import { sshNodes } from "../helpers/ssh-nodes.ts";

/** A move between nodes that are neither of them the first, command by command. */

const [A, C, WORKER] = ["10.83.7.7", "10.83.8.8", "10.83.9.9"];
const NAMES = new Map<string | null, string>([[null, "first"], [A, "a"], [C, "c"], [WORKER, "worker"]]);
const BOOKS: Readonly<Record<string, string>> = {
  first: `redis none ${A} 0\npostgres here - 9\nworkers ${WORKER}\n`, a: "redis here - 9\npostgres none - 0\n", c: "redis none - 0\npostgres none - 0\n", worker: "",
};

/** @param answers by `NODE STEP`: the exit code, or how many milliseconds the step takes */
async function carried(answers: Readonly<Record<string, { code?: number; ms?: number }>> = {}, { books = BOOKS, wanted = { redis: C, postgres: null }, onlyCut = false, joined = () => true, networkSeconds = 10 }: { books?: typeof BOOKS; wanted?: Wanted; onlyCut?: boolean; joined?: () => boolean; networkSeconds?: number } = {}): Promise<{ steps: string[]; failed: string }> {
  const steps: string[] = [];
  const { first, close } = await sshNodes(async (address, command) => {
    const node = NAMES.get(address) ?? "?";
    const step = /berth; .*? data ([^']*)'/.exec(command)?.[1] ?? (command.includes("systemctl stop") ? "STOP" : "");
    const said = `${node} ${step}${command.includes("systemctl restart") ? " START" : ""}`.replace("  ", " ").trim();
    steps.push(said);
    const { code = 0, ms = 0 } = answers[said] ?? {};
    if (ms > 0) await sleep(ms);
    return { code, out: step === "" ? books[node] ?? "" : "" };
  }, joined);
  onTestFinished(close);
  const failed = await carry({ first, wanted, onlyCut, scripts: "/opt/berth/scripts/abc", project: "berth", uids: { redis: 999, postgres: 999 }, say: () => undefined, renewMs: 150, networkSeconds }).then(() => "", String);
  return { steps, failed };
}

test("who is stopped hears that the move goes on for as long as it does, and all that it is over", async () => {
  const { steps, failed } = await carried({ "c take redis 999": { ms: 1_000 } });
  expect(failed).toBe("");
  const [copying, copied] = [steps.indexOf("c take redis 999"), steps.indexOf("a leave redis")];
  for (const node of ["worker", "first", "a", "c"]) {
    expect(steps.slice(copying, copied).filter((step) => step === `${node} stopped`).length).toBeGreaterThan(0);
    expect(steps.findLast((step) => step.startsWith(`${node} `))).toBe(node === "c" ? "c through START" : `${node} through`);
  }
  expect(steps.at(-1)).toBe("first through");
});

test("each step in its order: the source is seen to be idle, and stays so, before the book says that the data is elsewhere", async () => {
  const { steps } = await carried();
  expect(steps.filter((step) => !step.endsWith(" stopped"))).toMatchInlineSnapshot(`
    [
      "first",
      "a",
      "c",
      "first moving redis",
      "worker STOP",
      "first STOP",
      "a STOP",
      "c STOP",
      "a give redis",
      "c take redis 999",
      "a leave redis",
      "first at redis 10.83.8.8",
      "a gave redis",
      "c through START",
      "worker through",
      "a through",
      "first through",
    ]
  `);
});

test("a source that came back by itself ends the move before the book is written", async () => {
  const { steps, failed } = await carried({ "a leave redis": { code: 1 } });
  expect(failed).toContain("see that redis is not written to where it was: exit 0 is required, found 1");
  expect(steps.filter((step) => step.includes(" at redis"))).toEqual([]);
});

test("cut off once the book may be written, the old copy's node is not started", async () => {
  const { steps, failed } = await carried({ "a gave redis": { code: 1 } });
  expect(failed).toContain("Run the same command again");
  expect(steps.filter((step) => step.endsWith("START")).toSorted()).toEqual(["c START", "first START", "worker START"]);
});

test("the first node's way to the others may come late: it is waited for, and nothing is stopped meanwhile", async () => {
  let asked = 0;
  const { steps, failed } = await carried({}, { joined: () => (asked += 1) > 2 });
  expect(failed).toBe("");
  expect(steps.at(-1)).toBe("first through");
  const never = await carried({}, { joined: () => false, networkSeconds: 1 });
  expect(never.steps).toEqual(["first"]);
  expect(never.failed).toMatch(/reach the node at 10\.83\.7\.7 through the first node: an answer is required within 1 s, found reach 10\.83\.7\.7 over the private network: .*Look whether both are in the stack's network in Hetzner's web interface, and at `ip -4 address` on each\. Nothing was stopped/);
});

describe("before a node with data is released again", () => {
  const back = { wanted: { redis: A, postgres: undefined }, onlyCut: true };
  const cut = { ...BOOKS, first: `redis here ${A} 9\nmoving redis\npostgres here - 9\nworkers ${WORKER}\n`, a: "redis here - 9\nleaving redis\npostgres none - 0\n" };

  test("a move away from it that was cut off is taken back: it is told, and the first node's copy is put aside; the end is said by who carries the rest", async () => {
    const { steps, failed } = await carried({}, { ...back, books: cut });
    expect(failed).toBe("");
    expect(steps.filter((step) => !step.endsWith(" stopped"))).toMatchInlineSnapshot(`
      [
        "first",
        "a",
        "first moving redis",
        "worker STOP",
        "first STOP",
        "a STOP",
        "first gave redis",
        "a through START",
        "worker through START",
      ]
    `);
    expect(steps).not.toContain("first through");
  });

  test("without one, nothing is asked but the first node", async () => {
    expect((await carried({}, back)).steps).toEqual(["first"]);
  });
});
