import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { NodeTarget } from "../../src/cli/nodes.ts";
import { type NodeState, parseState, rollBackUpdate, STATE } from "../../src/cli/rollback.ts";
import { Unreachable } from "../../src/ssh.ts";

/** `berth rollback` of several nodes: what the last update did, and nothing else. */

const BEGAN = 1_000_000;
const node = (name: string): NodeTarget => ({ name, target: { host: name, user: "deploy", privateKey: "", hostKey: "" } });
const NODES = ["data", "main", "worker", "worker-2"].map(node);
const changed: NodeState = { good: "bbbbbbbbbbbb", laid: "bbbbbbbbbbbb", since: BEGAN + 60, before: "aaaaaaaaaaaa" };
const untouched: NodeState = { good: "aaaaaaaaaaaa", laid: "aaaaaaaaaaaa", since: BEGAN - 86_400, before: "" };
/** It failed there: the host brought the one before back, and marks it good no second time. */
const failed: NodeState = { good: "aaaaaaaaaaaa", laid: "bbbbbbbbbbbb", since: BEGAN - 86_400, before: "" };

async function rolled(states: readonly NodeState[], codes: Readonly<Record<string, number | Error>> = {}): Promise<{ code: number | string; back: string[]; said: string[] }> {
  const [back, said]: [string[], string[]] = [[], []];
  const code = await rollBackUpdate(NODES, {
    since: BEGAN,
    state: ({ name }) => Promise.resolve(states[NODES.findIndex((it) => it.name === name)] ?? untouched),
    back: ({ name = "" }) => {
      back.push(name);
      const ended = codes[name] ?? 0;
      return typeof ended === "number" ? Promise.resolve(ended) : Promise.reject(ended);
    },
    say: (line) => said.push(line),
  }).catch(String);
  return { code, back, said };
}

describe("after an update", () => {
  test("that failed at the workers: those before go back, the last one first, and the others stay", async () => {
    const { code, back, said } = await rolled([changed, changed, failed, untouched]);
    expect({ code, back }).toEqual({ code: 0, back: ["main", "data"] });
    expect(said[0]).toBe("going back: main, data; left as they are: worker, worker-2");
  });

  test("that went through: all of it", async () => {
    expect(await rolled([changed, changed, changed, changed])).toMatchObject({ code: 0, back: ["worker-2", "worker", "main", "data"] });
  });

  test("a node that cannot go back ends it, and those left are named", async () => {
    const { code, back, said } = await rolled([changed, changed, failed, untouched], { main: 10 });
    expect({ code, back }).toEqual({ code: 10, back: ["main"] });
    expect(said.at(-1)).toBe("\nended at main (exit code 10); not gone back: data");
  });

  test("a node that is gone by then ends it too, and those left are named", async () => {
    const { code, said } = await rolled([changed, changed, failed, untouched], { main: new Unreachable("connect to deploy@main: timed out") });
    expect(code).toBe(1);
    expect(said.slice(-2)).toEqual(["berth: connect to deploy@main: timed out", "\nended at main (exit code 1); not gone back: data"]);
  });

  test("a node whose first release failed has none to go back to: it is left out, and said", async () => {
    const { code, back, said } = await rolled([changed, changed, parseState("\nbbbbbbbbbbbb\n0\n"), untouched]);
    expect({ code, back }).toEqual({ code: 0, back: ["main", "data"] });
    expect(said[0]).toBe("going back: main, data; left as they are: worker-2; with none to go back to: worker");
  });

  test("that made a node: that one stays, as it has nothing before, and the others go back", async () => {
    const { code, back, said } = await rolled([changed, changed, changed, { ...changed, before: "" }]);
    expect({ code, back }).toEqual({ code: 0, back: ["worker", "main", "data"] });
    expect(said[0]).toBe("going back: worker, main, data; with none to go back to: worker-2");
  });

  test("nothing is taken back twice", async () => {
    const gone: NodeState = { good: "aaaaaaaaaaaa", laid: "bbbbbbbbbbbb", since: BEGAN + 600, before: "" };
    const { code, back } = await rolled([gone, gone, failed, untouched]);
    expect(back).toEqual([]);
    expect(code).toContain("required a node whose release it made good; found none");
  });
});

test.each([
  ["a good release", { good: "aaaaaaaaaaaa\n", laid: "bbbbbbbbbbbb\n", "good.history": "cccccccccccc\ndddddddddddd\naaaaaaaaaaaa\n" }, { good: "aaaaaaaaaaaa", laid: "bbbbbbbbbbbb", since: expect.closeTo(Date.now() / 1000, -4), before: "dddddddddddd" }],
  ["its first", { good: "aaaaaaaaaaaa\n", laid: "aaaaaaaaaaaa\n", "good.history": "aaaaaaaaaaaa\n" }, { good: "aaaaaaaaaaaa", laid: "aaaaaaaaaaaa", since: expect.closeTo(Date.now() / 1000, -4), before: "" }],
  ["none that was good", { laid: "bbbbbbbbbbbb\n" }, { good: "", laid: "bbbbbbbbbbbb", since: 0, before: "" }],
  ["none at all", {}, { good: "", laid: "", since: 0, before: "" }],
])("what a node says of its releases: %s", (_, files, state) => {
  const directory = mkdtempSync(join(tmpdir(), "berth-state-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const { status, stdout } = spawnSync("sh", ["-c", STATE.replace("sudo ", "").replace("/var/lib/berth", directory)], { encoding: "utf8" });
  expect(status).toBe(0);
  expect(parseState(stdout)).toEqual(state);
});
