import { expect, onTestFinished, test, vi } from "vitest";
import { diagnoseNodes } from "../../src/cli/doctor.ts";
import type { NodeTarget } from "../../src/cli/nodes.ts";
import { verifyNodes } from "../../src/cli/verify.ts";
import { sshNodes } from "../helpers/ssh-nodes.ts";

/** Nodes that answer so to any command: with this code and this on standard output. One that is null refuses the connection. */
async function nodes(answers: Readonly<Record<string, readonly [code: number, out: string] | null>>): Promise<NodeTarget[]> {
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  onTestFinished(() => { vi.restoreAllMocks(); });
  return await Promise.all(Object.entries(answers).map(async ([name, answer]) => {
    const { first, close } = await sshNodes(() => Promise.resolve({ code: answer?.[0] ?? 0, out: answer?.[1] ?? "" }));
    if (answer === null) await close();
    else onTestFinished(close);
    return { name: name === "" ? undefined : name, target: first };
  }));
}

/** The lines that a program reads, and the exit code. */
async function read(run: (out: Pick<NodeJS.WriteStream, "write">) => Promise<number>): Promise<{ code: number; lines: unknown[] }> {
  let text = "";
  const code = await run({ write: (part: string | Uint8Array) => { text += String(part); return true; } });
  return { code, lines: text.trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as unknown) };
}

const REPORT = '{"version":1,"verdict":"pass","checks":[]}';

test("verify --json of several nodes: each line says whose it is, and who gave no report has one too", async () => {
  const several = await nodes({ data: null, main: [0, REPORT], worker: [1, ""] });
  const { code, lines } = await read((out) => verifyNodes(several, true, out));
  expect(code).toBe(1);
  expect(lines).toEqual([
    { node: "data", version: 1, verdict: "fail", cause: null, error: expect.stringContaining("127.0.0.1") as string },
    { node: "main", version: 1, verdict: "pass", checks: [] },
    { node: "worker", version: 1, verdict: "fail", cause: null, error: "the host ended with 1 and no report" },
  ]);
});

test("verify --json of a stack of one node is its report, as it was", async () => {
  expect(await read(async (out) => verifyNodes(await nodes({ "": [0, REPORT] }), true, out))).toEqual({ code: 0, lines: [JSON.parse(REPORT)] });
});

test("doctor --json of several nodes: the same", async () => {
  const several = await nodes({ data: null, main: [0, "@@ release\naaaaaaaaaaaa\n"], worker: [2, ""] });
  const { code, lines } = await read((out) => diagnoseNodes(several, true, out));
  expect([1, 10]).toContain(code);
  expect(lines).toEqual([
    { node: "data", error: expect.stringContaining("127.0.0.1") as string },
    expect.objectContaining({ node: "main", findings: expect.any(Array) as unknown[] }),
    { node: "worker", error: expect.stringContaining("required exit code 0 of `berth doctor` there; found 2") as string },
  ]);
});
