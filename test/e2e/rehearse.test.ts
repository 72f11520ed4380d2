import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { changed, readKernel } from "../../rehearsal/ledger/kernel.ts";
import { leftovers } from "../../rehearsal/ledger.ts";
import { ROOT } from "../helpers/deployment.ts";

/** The README's first command, as a newcomer runs it. */

interface Run {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly exit: Promise<unknown[]>;
}

function rehearse(): Run {
  // A group of its own, so that a signal can go to all of it, as a terminal's Ctrl-C does.
  const child = spawn("npm", ["run", "--silent", "rehearse"], { cwd: ROOT, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      text += data.toString();
    });
  }
  return { child, said: () => text, exit: once(child, "exit") };
}

async function says(run: Run, what: string, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!run.said().includes(what)) {
    if (Date.now() > deadline || run.child.exitCode !== null) throw new Error(`the rehearsal did not say ${JSON.stringify(what)}; it said:\n${run.said()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What is on this machine before and after: nothing may be added, and no kernel setting changed. */
async function leavesNothing(work: () => Promise<void>): Promise<void> {
  const docker = await reachableDocker();
  const before = { left: await leftovers(docker), kernel: await readKernel() };
  await work();
  expect((await leftovers(docker)).filter((it) => !before.left.includes(it))).toEqual([]);
  expect(changed(before.kernel, await readKernel())).toEqual([]);
}

test("npm run rehearse: verified, counted, released again, and nothing left", async () => {
  await leavesNothing(async () => {
    const run = rehearse();
    const [code] = await run.exit;
    expect(run.said()).toContain("41 checks, 41 passed, 0 failed, 0 unknown");
    expect(run.said()).toMatch(/Redis connections +10, as CLIENT LIST has them/);
    expect(run.said()).toMatch(/second release, new application image +\d/);
    expect(code).toBe(0);
  });
});

test("Ctrl-C in the middle of a release: exit 130, and nothing left", async () => {
  await leavesNothing(async () => {
    const run = rehearse();
    await says(run, "berth: start: redis postgres", 300);
    if (run.child.pid === undefined) throw new Error("the rehearsal has no process id");
    process.kill(-run.child.pid, "SIGINT");
    const [code, signal] = await run.exit;
    // npm passes the exit code on, or dies of the same signal.
    expect(code === 130 || signal === "SIGINT").toBe(true);
  });
});
