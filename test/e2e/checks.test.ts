import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisCli, verify } from "../../rehearsal/observe.ts";
import { RULES, ruleOf } from "../../src/verify/rules.ts";
import { table } from "../../src/verify/table.ts";
import type { Report } from "../../src/verify/types.ts";
import { passes } from "../../src/verify/verdict.ts";
import { fillRedis } from "../helpers/causes.ts";
import { follow, laptop } from "../helpers/checks/follow.ts";
import { ROUNDS, type Round } from "../helpers/checks/rounds.ts";
import { check, noPulumi, rehearsed, ROOT } from "../helpers/deployment.ts";

/**
 * Not broken below: this stack has not what they look at, several nodes, a domain, a look from outside. The test named judges them, on facts or
 * against a stand-in of its own; only that it speaks of them is looked at here.
 */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "exposure.private": "test/verify/nodes.test.ts",
  "proxy.certificate": "test/verify/checks.test.ts",
  "probe.open": "test/verify/probe.test.ts",
  "probe.closed": "test/verify/probe.test.ts",
  "probe.ready": "test/verify/probe.test.ts",
  "probe.operators": "test/verify/probe.test.ts",
  "probe.certificate": "test/verify/probe.test.ts",
  "host.clock": "test/verify/probe.test.ts",
};

test("no check is forgotten: each is broken below, or a test is named that judges it; and the page has the same", () => {
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
    const child = spawn(process.execPath, [join(ROOT, "src/cli/bin.mjs"), "verify", "--watch", "--every=1", "--json"], { env: await laptop(rehearsal.it), stdio: ["ignore", "pipe", "inherit"] });
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
    expect(await told(), "the command took it each time").toHaveLength(3);
  });

  /** What a round did not take back would be seen in all that come after it. */
  let spoiled = "";

  test.for(ROUNDS)("$name", async (round, context) => {
    context.skip(spoiled !== "", `after "${spoiled}"`);
    spoiled = round.name;
    for (const { breaks } of round.rows) await breaks?.(rehearsal.it);
    const report = await verify(rehearsal.it);
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
    expect(against(await verify(rehearsal.it))).toEqual([]);
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
