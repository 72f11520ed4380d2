import { describe, expect, test } from "vitest";
import type { NodeTarget } from "../../src/cli/nodes.ts";
import { type NodeState, rollBackUpdate } from "../../src/cli/rollback.ts";

/** `berth rollback` of several nodes: what the last update did, and nothing else. */

const BEGAN = 1_000_000;
const node = (name: string): NodeTarget => ({ name, target: { host: name, user: "deploy", privateKey: "", hostKey: "" } });
const NODES = ["data", "main", "worker", "worker-2"].map(node);
const changed: NodeState = { good: "bbbbbbbbbbbb", laid: "bbbbbbbbbbbb", since: BEGAN + 60 };
const untouched: NodeState = { good: "aaaaaaaaaaaa", laid: "aaaaaaaaaaaa", since: BEGAN - 86_400 };
/** It failed there: the host brought the one before back, and marks it good no second time. */
const failed: NodeState = { good: "aaaaaaaaaaaa", laid: "bbbbbbbbbbbb", since: BEGAN - 86_400 };

async function rolled(states: readonly NodeState[], codes: Readonly<Record<string, number>> = {}): Promise<{ code: number | string; back: string[]; said: string[] }> {
  const [back, said]: [string[], string[]] = [[], []];
  const code = await rollBackUpdate(NODES, {
    since: BEGAN,
    state: ({ name }) => Promise.resolve(states[NODES.findIndex((it) => it.name === name)] ?? untouched),
    back: ({ name = "" }) => { back.push(name); return Promise.resolve(codes[name] ?? 0); },
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

  test("nothing is taken back twice", async () => {
    const gone: NodeState = { good: "aaaaaaaaaaaa", laid: "bbbbbbbbbbbb", since: BEGAN + 600 };
    const { code, back } = await rolled([gone, gone, failed, untouched]);
    expect(back).toEqual([]);
    expect(code).toContain("required a node whose release it made good; found none");
  });
});
