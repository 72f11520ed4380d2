import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verifyOptions } from "../../src/cli/verify.ts";
import { type Verified, watch } from "../../src/cli/verify-watch.ts";
import type { Check, Report } from "../../src/verify/types.ts";

const check = (id: string, status: Check["status"], change: Partial<Check> = {}): Check => ({ id, status, cause: "release", seen: `seen of ${id}`, expected: "well", advice: "", ...change });
const report = (checks: readonly Check[], cause: Report["cause"] = null): Report => ({
  version: 1, release: "0123456789ab", at: "2026-11-01T12:10:00.000Z", verdict: cause === null ? "pass" : "fail", cause, settleMs: 2000, totalMs: 2400, connections: [], checks,
});
const WELL: Verified = { code: 0, report: report([check("redis.ready", "pass")]), said: "" };
const ILL: Verified = { code: 10, report: report([check("app.health", "fail"), check("redis.memory", "pass", { warning: "over 70 %" }), check("redis.ready", "pass")], "release"), said: "" };

/** Watches these verifications, and is interrupted after the last one was shown. */
async function watched(made: readonly Verified[], options: { json?: boolean; redraw?: boolean } = {}): Promise<{ code: number; text: string[] }> {
  const text: string[] = [];
  let stop = (): void => undefined;
  const interrupted = new Promise<void>((resolve) => { stop = resolve; });
  let turn = 0;
  const code = await watch({
    verify: () => Promise.resolve(made[turn++] ?? WELL),
    json: options.json ?? false, redraw: options.redraw ?? false, everySeconds: 0.001, interrupted,
    write: (it) => { text.push(it); if (text.length === made.length) stop(); },
  });
  return { code, text };
}

test("plain lines: a verification each, and what does not pass or warns", async () => {
  const { code, text } = await watched([WELL, ILL]);
  expect(text.join("")).toMatchInlineSnapshot(`
    "2026-11-01T12:10:00.000Z VERIFIED: 1 check, 1 passed, 0 failed, 0 unknown
    2026-11-01T12:10:00.000Z FAILED, because of the release: 3 checks, 2 passed, 1 failed, 0 unknown, 1 warning
      FAIL app.health: seen of app.health
      warn redis.memory: seen of redis.memory (over 70 %)
    "
  `);
  expect(code, "the last one's").toBe(10);
});

test("on a terminal the table is redrawn", async () => {
  const { text } = await watched([WELL], { redraw: true });
  expect(text[0]?.startsWith("\u001b[H\u001b[2JVerification of release 0123456789ab")).toBe(true);
  expect(text[0]).toContain("Ctrl-C ends");
});

test("as JSON: one line a verification", async () => {
  const { text } = await watched([WELL, ILL], { json: true });
  expect(text.map((line) => (JSON.parse(line) as Report).verdict)).toEqual(["pass", "fail"]);
});

test("a verification that could not be made is said, and does not end the watch", async () => {
  const { code, text } = await watched([{ code: 1, report: undefined, said: "08:00:00 berth: Docker does not answer\n" }, WELL]);
  expect(text[0]).toBe("could not be verified (exit 1): 08:00:00 berth: Docker does not answer\n");
  expect(code).toBe(0);
});

test("verifyOptions", () => {
  expect(verifyOptions([])).toEqual({ json: false, watch: false, everySeconds: 30 });
  expect(verifyOptions(["--watch", "--every=5", "--json"])).toEqual({ json: true, watch: true, everySeconds: 5 });
  expect(() => verifyOptions(["--watch", "--every=0"])).toThrow("--every: required a whole number of seconds from 1 to 99999; found 0");
  expect(() => verifyOptions(["--every=5"])).toThrow("--every: required with --watch; found alone");
  expect(() => verifyOptions(["--loud"])).toThrow("required --stack, --node, --json, --watch or --every; found --loud");
});

test("a process that only watches goes on until Ctrl-C, and ends with the last one's exit code", () => {
  const program = `import { untilInterrupted, watch } from "./src/cli/verify-watch.ts";
    let times = 0;
    const verify = () => Promise.resolve({ code: 10, report: undefined, said: String(++times) });
    const write = (text) => { process.stdout.write(text); if (times === 3) process.kill(process.pid, "SIGINT"); };
    process.exitCode = await watch({ verify, json: true, redraw: false, everySeconds: 0.01, write, interrupted: untilInterrupted() });`;
  const { status, stdout } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], { cwd: join(import.meta.dirname, "../.."), encoding: "utf8" });
  expect(stdout.trim().split("\n").map((line) => (JSON.parse(line) as { error: string }).error)).toEqual(["1", "2", "3"]);
  expect(status).toBe(10);
});
