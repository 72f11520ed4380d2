import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { laptop } from "../../rehearsal/laptop.ts";
import { redisCli, startTimes, verify } from "../../rehearsal/observe.ts";
import { environmentOf } from "../../src/cli/probe.ts";
import { probe } from "../../src/verify/probe.ts";
import { probeOptions } from "../../src/verify/probe-options.ts";
import { RULES, ruleOf } from "../../src/verify/rules.ts";
import { table } from "../../src/verify/table.ts";
import type { Report } from "../../src/verify/types.ts";
import { passes } from "../../src/verify/verdict.ts";
import { fillRedis } from "../helpers/causes.ts";
import { follow, onLaptop } from "../helpers/checks/follow.ts";
import { ROUNDS, type Round } from "../helpers/checks/rounds.ts";
import { check, noPulumi, rehearsed, ROOT } from "../helpers/deployment.ts";
import { eventually } from "../helpers/hardware.ts";

/** Not in the rounds: broken on another living stack, which has the several nodes or the domain, and mended there; or in a test of its own below. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "exposure.private": "test/e2e/api-nodes.test.ts",
  "proxy.certificate": "test/e2e/one-server.test.ts",
  "probe.certificate": "test/e2e/one-server.test.ts",
  "host.clock": "test/e2e/checks.test.ts",
};

test("no check is forgotten: each is broken on a living stack; and the page has the same", () => {
  const ids = Object.keys(RULES).toSorted();
  expect([...ROUNDS.flatMap(({ rows }) => rows.map(({ id }) => id)), ...Object.keys(ELSEWHERE)].toSorted()).toEqual(ids);
  for (const [id, file] of Object.entries(ELSEWHERE)) expect(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"), id).toContain(`"${id}"`);
  const page = readFileSync(new URL("../../docs/verification.md", import.meta.url), "utf8");
  expect([...page.matchAll(/^\| `([a-z]+\.[a-z.<>-]+)` \|/gm)].map(([, id = ""]) => id).toSorted()).toEqual(ids);
});

/** Whom the server's own verification tells. */
interface Alert {
  readonly event: string;
  readonly text: string;
  readonly begun: readonly string[];
  readonly ended: readonly string[];
}

/**
 * One living stack, on which each check fails for its own reason and passes again once its advice was followed. The verification of a round is
 * that of the round before it too: all that was broken then passes by now.
 */
describe.skipIf(noPulumi !== undefined)(`each check, broken by hand and mended by its advice${noPulumi === undefined ? "" : `, ${noPulumi}`}`, () => {
  const rehearsal = rehearsed({ engine: "pulumi" });
  const posted: Alert[] = [];
  let answer = 204;
  const listener = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => { body += chunk; }).on("end", () => {
      if (answer < 300) posted.push(JSON.parse(body) as Alert);
      response.writeHead(answer).end();
    });
  });

  beforeAll(async () => {
    await new Promise<void>((resolve) => { listener.listen(0, resolve); });
    const gateway = rehearsal.it.machines.network.subnet.replace(/\.0\/24$/, ".1");
    await rehearsal.it.up({
      // Short, because a surplus waits it out.
      "verify.settleSeconds": 8, "redis.loadSeconds": 15, "app.startupSeconds": 20,
      // By itself only after this file is over.
      "alert.command": ["sh", "-c", "cat >>/run/told"], "alert.everyMinutes": 1_440,
      "secrets.alertWebhook": `http://${gateway}:${(listener.address() as AddressInfo).port}/hooks/42`,
    });
  });
  afterAll(() => { listener.close(); });

  test("berth verify --watch, on the laptop: passed, failed, passed, and the last one's exit code at Ctrl-C", async () => {
    const child = spawn(process.execPath, [join(ROOT, "src/cli/bin.mjs"), "verify", "--watch", "--every=1", "--json"], { env: { ...rehearsal.it.pulumi.environment, ...(await laptop(rehearsal.it.pulumi, rehearsal.it.ledger.directory)) }, stdio: ["ignore", "pipe", "inherit"] });
    const reports = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    /** Those that do not pass, at the first verification that is as wanted. */
    const until = async (verdict: Report["verdict"]): Promise<readonly string[]> => {
      for (;;) {
        const { value, done } = await reports.next() as { value: string; done: boolean };
        if (done) throw new Error("berth verify --watch: to go on until it is interrupted is required, it ended");
        const report = JSON.parse(value) as Report;
        if (report.verdict === verdict) return against(report);
      }
    };
    expect(await until("pass")).toEqual([]);
    try {
      await redisCli(rehearsal.it, "CONFIG SET slowlog-max-len 7");
      expect(await until("fail")).toEqual(["redis.config"]);
    } finally {
      await redisCli(rehearsal.it, "CONFIG SET slowlog-max-len 256");
    }
    expect(await until("pass")).toEqual([]);
    child.kill("SIGINT");
    expect((await once(child, "exit"))[0]).toBe(0);
  });

  test("the timer's own run tells what begins and what ends, once, and again when nobody took it", async () => {
    const run = async (): Promise<number> => (await rehearsal.it.attempt(["systemctl", "start", "berth-watch.service"], { timeoutMs: 120_000 })).code;
    const told = async (): Promise<Alert[]> => (await rehearsal.it.exec(["cat", "/run/told"])).trim().split("\n").map((line) => JSON.parse(line) as Alert);
    expect((await rehearsal.it.exec(["systemctl", "is-active", "berth-watch.timer"])).trim()).toBe("active");
    const empty = await fillRedis(rehearsal.it, 0.9);
    expect([await run(), await run()]).toEqual([0, 0]);
    expect(posted).toEqual([expect.objectContaining({ event: "failed", begun: ["redis.memory"], ended: [] })]);
    expect(posted[0]?.text).toMatch(/^berth-rehearsal: redis\.memory fails: [\d.]+ MiB, 9\d % of 192 MiB\. To do: Bound job retention /);
    expect(await told()).toEqual(posted);
    await empty();
    answer = 503;
    expect(await run()).toBe(1);
    answer = 204;
    expect(await run()).toBe(0);
    expect(posted.slice(1)).toEqual([expect.objectContaining({ event: "recovered", text: "berth-rehearsal: redis.memory is well again", begun: [], ended: ["redis.memory"] })]);
    expect(await told(), "the command took it, and is not told twice because the webhook did not").toHaveLength(2);
  });

  test("the timer's own run: a worker whose beats Redis refuses, told while it is a warning, and told once when it is over", async () => {
    const run = (): Promise<string> => rehearsal.it.exec(["systemctl", "start", "berth-watch.service"], { timeoutMs: 120_000 });
    posted.length = 0;
    // A beat of before the worker started is another fault, so this worker is to be older than the beat that is pretended.
    const { worker = "" } = await startTimes(rehearsal.it);
    await eventually("a worker older than that beat", 120_000, () => Promise.resolve(Date.now() - Date.parse(worker) > 80_000));
    // Somebody's rule; and the time until it shows is not waited for.
    await redisCli(rehearsal.it, "MULTI", "EXPIRE berth:heartbeat:worker 24", "ACL SETUSER default resetkeys ~bull:* %R~berth:*", "EXEC");
    await run();
    await redisCli(rehearsal.it, "ACL SETUSER default allkeys");
    await eventually("the next beat", 30_000, async () => Number(await redisCli(rehearsal.it, "TTL berth:heartbeat:worker")) > 60);
    await run();
    await run();
    // A machine that is busy with other things may show in other checks, and in the same messages.
    expect(posted.flatMap(({ text }) => text.split("\n").filter((line) => line.includes(" app.heartbeat ")))).toEqual([
      expect.stringMatching(/^berth-rehearsal: app\.heartbeat warns: renewed \d+ s ago, expires in \d+ s \(old: two beats in a row did not come\)$/),
      "berth-rehearsal: app.heartbeat is well again",
    ]);
    const of = (list: "begun" | "ended"): number => posted.filter((alert) => alert[list].includes("app.heartbeat")).length;
    expect([of("begun"), of("ended")]).toEqual([1, 1]);
  });

  test("a laptop whose clock is behind: host.clock fails, and passes once that clock is set as the advice says", async () => {
    const probed = async (before: string): Promise<{ code: number; checks: Report["checks"] }> => {
      const { code, said } = await onLaptop(rehearsal.it, `${before} berth probe --stack=rehearsal`);
      const line = said.split("\n").find((one) => one.startsWith("{")) ?? "";
      return { code, checks: (JSON.parse(line) as Report).checks };
    };
    // No clock is touched, and the server's least of all: this one process is told another time.
    const behind = await probed(`export NODE_OPTIONS='--import=data:text/javascript,${encodeURIComponent("const now = Date.now; Date.now = () => now() - 9000;").replaceAll("'", "%27")}';`);
    expect({ code: behind.code, against: behind.checks.filter((it) => !passes(it)) }).toEqual({
      code: 11,
      against: [expect.objectContaining({ id: "host.clock", cause: "host", seen: expect.stringMatching(/^(?:8\.[5-9]|9\.\d) s ahead of this machine's$/) as string, advice: expect.stringContaining("This machine's: set it.") as string })],
    });
    const after = await probed("");
    expect({ code: after.code, against: after.checks.filter(({ status }) => status !== "pass") }).toEqual({ code: 0, against: [] });
  });

  /** The server's own verification, and where the round has to do with it what is seen from outside, by whoever does not wait for it. */
  async function lookedAt({ rows }: Round): Promise<Report> {
    const report = await verify(rehearsal.it);
    if (!rows.some(({ id }) => id.startsWith("probe."))) return report;
    const told = await environmentOf("rehearsal", async (args) => ({ code: 0, stdout: await rehearsal.it.pulumi.run(args), stderr: "" }));
    return { ...report, checks: [...report.checks, ...(await probe({ ...probeOptions(told), patienceMs: 0 }))] };
  }

  /** What a round did not take back would be seen in all that come after it. */
  let spoiled = "";

  test.for(ROUNDS)("$name", async (round, context) => {
    context.skip(spoiled !== "", `after "${spoiled}"`);
    spoiled = round.name;
    for (const { breaks } of round.rows) await breaks?.(rehearsal.it);
    const report = await lookedAt(round);
    const strange = against(report).filter((id) => !(round.mayWith ?? []).includes(id));
    expect(strange, report.checks.flatMap(({ id, seen }) => (strange.includes(id) && !broken(round).includes(id) ? [`${id}: ${seen}`] : [])).join("\n")).toEqual(broken(round));
    expectWords(report, round);
    const began = performance.now();
    const done = await follow(rehearsal.it, round.rows, report);
    rehearsal.it.steps.line(`           ${done.length} commands in ${((performance.now() - began) / 1000).toFixed(0)} s: ${done.join("; ")}`);
    spoiled = "";
  });

  test("all is well again", async (context) => {
    context.skip(spoiled !== "", `after "${spoiled}"`);
    // A health check that failed while Redis loaded comes round again.
    await expect.poll(async () => against(await verify(rehearsal.it)), { timeout: 120_000, interval: 5_000 }).toEqual([]);
    expect(await onLaptop(rehearsal.it, "berth probe --stack=rehearsal")).toMatchObject({ code: 0 });
  });
});

/** Ids of the checks that do not pass, of those of no weight that are not known too. */
function against(report: Report): string[] {
  return report.checks.filter((it) => !passes(it) || it.status === "unknown").map((it) => it.id).toSorted();
}

function broken({ rows, with: companions = [] }: Round): string[] {
  return [...new Set([...rows.map(({ id, named }) => named ?? id), ...companions])].toSorted();
}

/** That each fails by its own cause and says what was seen; and that people can read it. */
function expectWords(report: Report, { rows }: Round): void {
  for (const { id, named, seen } of rows) {
    const found = check(report, named ?? id);
    expect(found, id).toMatchObject({ status: "fail", cause: ruleOf(id)?.cause });
    expect(found.seen, id).toMatch(seen);
  }
  const wide = table(report).split("\n").filter((line) => line.length > 80 && !/^ *`[^`]*`[^ ]*$|^ *\S+$/.test(line));
  expect(wide, "80 columns, but for a command that is left whole").toEqual([]);
}
