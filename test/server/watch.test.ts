import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { Host, mustSucceed } from "./host.ts";

const R = "aaaaaaaaaaaa";

interface Message {
  readonly event: string;
  readonly text: string;
  readonly begun: readonly string[];
  readonly ended: readonly string[];
  readonly failing: readonly string[];
  readonly warnings: readonly string[];
  readonly report: { readonly verdict: string };
}

/** A host whose verification ends with these rows of the table, each time it is asked. */
class Watched extends Host {
  constructor() {
    super();
    this.lay(R);
    this.write("var/lib/berth/good", `${R}\n`);
    this.write("etc/berth/alert", 'cat >>"$BERTH_ROOT/told"; exit "$(cat "$BERTH_ROOT/answer" 2>/dev/null || echo 0)"\n');
  }

  async after(...rows: readonly string[]): Promise<Awaited<ReturnType<Host["run"]>>> {
    this.write("table", `${rows.join("\n")}\n`);
    this.answer(`*" verify") for word; do case $word in *:/run/berth) touch "\${word%:/run/berth}/settled" ;; esac; done
    cat >/dev/null; cat "$BERTH_ROOT/table" >&2; echo '{"version":1,"verdict":"${rows.some((row) => row.startsWith("FAIL")) ? "fail" : "pass"}"}'; ${rows.some((row) => row.startsWith("FAIL")) ? "exit 10" : "exit 0"} ;;`);
    return await this.run(["watch"]);
  }

  /** The verifier ends without a report. */
  async afterNone(words: string): Promise<Awaited<ReturnType<Host["run"]>>> {
    this.answer(`*" verify") echo '${words}' >&2; exit 1 ;;`);
    return await this.run(["watch"]);
  }

  /** What was told since the last time this was asked. */
  told(): Message[] {
    const lines = (this.read("told") ?? "").split("\n").filter((line) => line !== "");
    this.write("told", "");
    return lines.map((line) => JSON.parse(line) as Message);
  }
}

const OK = "ok    redis.ready  PONG after 3 ms";
const WARN = "warn  redis.memory  150 MiB, 78 % of 192 MiB (over 70 %)";
const LEAK = "FAIL  connections.maximum (release)";

test("what begins to fail is said once, and once that it no longer does", async () => {
  const host = new Watched();
  mustSucceed(await host.after(OK));
  expect(host.told()).toEqual([]);
  mustSucceed(await host.after(LEAK, OK));
  expect(host.told()).toEqual([expect.objectContaining({ event: "failed", begun: ["connections.maximum"], ended: [], failing: ["connections.maximum"], warnings: [], report: { version: 1, verdict: "fail" } })]);
  mustSucceed(await host.after(LEAK, OK));
  mustSucceed(await host.after(LEAK, OK));
  expect(host.told()).toEqual([]);
  mustSucceed(await host.after(OK));
  expect(host.told()).toEqual([expect.objectContaining({ event: "recovered", begun: [], ended: ["connections.maximum"], failing: [], warnings: [] })]);
  mustSucceed(await host.after(OK));
  expect(host.told()).toEqual([]);
});

test("a warning is said as one; worse, it is said again; better, it is not", async () => {
  const host = new Watched();
  await host.after(WARN);
  expect(host.told()).toEqual([expect.objectContaining({ event: "warned", begun: ["redis.memory"], warnings: ["redis.memory"] })]);
  await host.after("FAIL  redis.memory (release)");
  expect(host.told()).toEqual([expect.objectContaining({ event: "failed", begun: ["redis.memory"], ended: [], failing: ["redis.memory"] })]);
  await host.after(WARN);
  expect(host.told()).toEqual([]);
  await host.after(OK);
  expect(host.told()).toEqual([expect.objectContaining({ event: "recovered", ended: ["redis.memory"] })]);
});

test("the text says to a person what was seen, what to do, what is over and what still fails", async () => {
  const host = new Watched();
  await host.after("FAIL  connections.maximum (release)", "      seen      api holds 3 client", '                connections: "leak"', "      expected  at most 2", "      to do     Use the queue's own", "                connection.", "", WARN, OK);
  expect(host.told()[0]?.text.replaceAll(/^\S+: /gm, "HOST: ")).toBe([
    'HOST: connections.maximum fails: api holds 3 client connections: "leak". To do: Use the queue\'s own connection.',
    "HOST: redis.memory warns: 150 MiB, 78 % of 192 MiB (over 70 %)",
  ].join("\n"));
  await host.after(LEAK, "FAIL  app.ready (release)", "      seen      503: \\ \"x\"", "ok    redis.memory  20 MiB, 10 % of 192 MiB");
  expect(host.told()[0]?.text.replaceAll(/^\S+: /gm, "HOST: ")).toBe('HOST: app.ready fails: 503: \\ "x"\nHOST: redis.memory is well again\nHOST: still failing: connections.maximum');
});

test("what a release asks for no more is over, and not said to be well", async () => {
  const host = new Watched();
  await host.after("FAIL  app.heartbeat (release)", OK);
  host.told();
  await host.after(OK);
  expect(host.told()).toEqual([expect.objectContaining({ event: "recovered", ended: ["app.heartbeat"], text: expect.stringMatching(/^\S+: app\.heartbeat is not judged any more$/) as string })]);
});

test("a verification that could not run proves nothing to be well again, and what went on behind it is not said twice", async () => {
  const host = new Watched();
  const [disk, aof] = ["FAIL  host.disk (host)", "FAIL  redis.aof (release)"];
  await host.after(disk, aof, OK);
  host.told();
  mustSucceed(await host.afterNone("exec: node: not found"));
  const [told, ...more] = host.told();
  expect(more).toEqual([]);
  expect(told).toMatchObject({ event: "failed", begun: ["verify.run"], ended: [], failing: ["host.disk", "redis.aof", "verify.run"] });
  expect(told?.text).toMatch(/: verify\.run fails: [^]*\n\S+: still failing: host\.disk \(cannot be told\), redis\.aof \(cannot be told\)$/);
  // So of one that ended before its time and wrote a table all the same.
  mustSucceed(await host.after("FAIL  verify.run (release)", "ok    redis.aof  on"));
  mustSucceed(await host.after(disk, aof, OK));
  expect(host.told()).toEqual([expect.objectContaining({ event: "recovered", begun: [], ended: ["verify.run"], failing: ["host.disk", "redis.aof"] })]);
  mustSucceed(await host.after("ok    host.disk  60 % free", "ok    redis.aof  on"));
  expect(host.told()).toEqual([expect.objectContaining({ event: "recovered", ended: ["host.disk", "redis.aof"] })]);
});

test("a full disk is told, once, and the verdict is the verifier's", async () => {
  const host = new Watched();
  mustSucceed(await host.after(OK));
  const full = ["report.json", "table.txt", "verdict"].map((name) => `var/lib/berth/results/${R}/${name}`).concat("var/lib/berth/alert.command");
  const fill = (): void => { for (const path of full) host.full(path); };
  fill();
  mustSucceed(await host.after("FAIL  host.disk (host)", OK));
  const told = host.told();
  expect(told).toEqual([expect.objectContaining({ event: "failed", begun: ["host.disk"], failing: ["host.disk"], report: { version: 1, verdict: "fail" } })]);
  expect(host.read(`var/lib/berth/results/${R}/table.txt`)).toBeUndefined();
  fill();
  mustSucceed(await host.after("FAIL  host.disk (host)", OK));
  expect(host.told()).toEqual([]);
  mustSucceed(await host.after("ok    host.disk  60 % free"));
  expect(host.told()).toEqual([expect.objectContaining({ event: "recovered", ended: ["host.disk"] })]);
  expect(host.read(`var/lib/berth/results/${R}/table.txt`)).toContain("host.disk  60 % free");
});

test("a disk on which no container can be made is the host's, and told", async () => {
  const host = new Watched();
  const run = await host.afterNone("Error response from daemon: mkdir /var/lib/docker/overlay2/3f: no space left on device");
  expect(run.stderr).toContain("FAILED verify.run: seen: the disk of the host is full: no verifier could be started: Error response from daemon");
  expect(run.stderr).toContain("verification ended with 11");
  expect(host.told()).toEqual([expect.objectContaining({ begun: ["verify.run"], report: expect.objectContaining({ cause: "host" }) as object })]);
});

test("what cannot be seen is not said to fail", async () => {
  const host = new Watched();
  await host.after("????  redis.aof (release)", "      seen      WRONGPASS", "      to do     Mend what hides it.", OK);
  const [told] = host.told();
  expect(told).toMatchObject({ event: "failed", begun: ["redis.aof"], failing: ["redis.aof"] });
  expect(told?.text.replace(/^\S+: /, "")).toBe("redis.aof cannot be told: WRONGPASS. To do: Mend what hides it.");
  await host.after(LEAK, "????  redis.aof (release)");
  expect(host.told()[0]?.text).toMatch(/connections\.maximum fails: [^]*still failing: redis\.aof \(cannot be told\)$/);
});

test.each<[string, readonly string[], readonly (readonly [event: string, row: string])[]]>([
  ["what could not be told, and then fails, is news", ["????", "FAIL", "FAIL"], [["failed", "cannot be told"], ["failed", "fails"]]],
  ["what fails and cannot be told meanwhile has not ended, and fails again without news", ["FAIL", "????", "FAIL"], [["failed", "fails"]]],
  ["a warning that cannot be told any more is news, and none when it warns again", ["warn", "????", "warn"], [["warned", "warns"], ["failed", "cannot be told"]]],
  ["a failure that could not be told, and then warns, is no news", ["FAIL", "????", "warn"], [["failed", "fails"]]],
  ["what could not be told, and passes, has ended", ["????", "ok"], [["failed", "cannot be told"], ["recovered", "is well again"]]],
])("%s", async (_, rows, expected) => {
  const host = new Watched();
  const told: Message[] = [];
  for (const row of rows) {
    mustSucceed(await host.after(`${row}  redis.aof (release)`, "      seen      it"));
    told.push(...host.told());
  }
  expect(told.map(({ event, text }) => [event, /redis\.aof ([a-z ]*)/.exec(text)?.[1]])).toEqual(expected);
  expect(told.filter(({ event }) => event === "failed").every(({ failing, ended }) => failing.includes("redis.aof") && ended.length === 0)).toBe(true);
});

test("a second fault while the first lasts is said alone, and with what still fails", async () => {
  const host = new Watched();
  await host.after(LEAK);
  host.told();
  await host.after(LEAK, "????  drift.files (release)");
  expect(host.told()).toEqual([expect.objectContaining({ event: "failed", begun: ["drift.files"], failing: ["connections.maximum", "drift.files"] })]);
});

test("who does not take it is told again", async () => {
  const host = new Watched();
  host.write("answer", "7");
  const refused = await host.after(LEAK);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("watch: the message could not be delivered; tried again at the next run");
  host.told();
  host.write("answer", "0");
  mustSucceed(await host.after(LEAK));
  expect(host.told()).toHaveLength(1);
});

interface Heard {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

/** A webhook that answers its first requests so, and 204 from then on; and a host that knows it. */
async function webhook(...answers: readonly (readonly [status: number, location?: string])[]): Promise<{ host: Watched; heard: Heard[] }> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => { body += chunk.toString(); }).on("end", () => {
      const [status, location] = answers[heard.length] ?? [204];
      heard.push({ method: request.method, url: request.url, type: request.headers["content-type"], body });
      response.writeHead(status, location === undefined ? {} : { location }).end();
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  onTestFinished(() => { server.close(); });
  const address = server.address();
  const host = new Watched();
  host.lay(R, { env: { BERTH_ALERT_WEBHOOK: WEBHOOK } });
  host.write(WEBHOOK, `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/hooks/s3cret`);
  return { host, heard };
}

const WEBHOOK = "/opt/berth/secrets/alert-webhook-000000000000";

test("a webhook is told by POST; its address is in no argument and in no word", async () => {
  const { host, heard } = await webhook([500]);
  host.remove("etc/berth/alert");
  const refused = await host.after(LEAK);
  expect([refused.code, heard.length]).toEqual([1, 1]);
  expect(refused.stderr).toContain("the webhook answered 500: required 2xx");
  const taken = await host.after(LEAK);
  mustSucceed(taken);
  expect(heard[1]).toMatchObject({ url: "/hooks/s3cret", type: "application/json" });
  expect(JSON.parse(heard[1]?.body ?? "")).toMatchObject({ event: "failed", begun: ["connections.maximum"] });
  expect(refused.stderr + taken.stderr + taken.calls.join("\n")).not.toContain("s3cret");
});

test.each([302, 307])("a webhook that answers %s has not taken it: nobody follows without the message", async (status) => {
  const { host, heard } = await webhook([status, "/elsewhere"]);
  const refused = await host.after(LEAK);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`the webhook answered ${status}: required 2xx; berth:secrets.alertWebhook must be the address that this one leads to`);
  expect(heard.map(({ method, url }) => `${method ?? ""} ${url ?? ""}`)).toEqual(["POST /hooks/s3cret"]);
  mustSucceed(await host.after(LEAK));
  expect(heard).toHaveLength(2);
});

test.each(["http://127.0.0.1:1/hooks/s3cret 42", "http://127.0.0.1:x/s3cret", "hooks/s3cret"])("an address that no request can be made of, %j, is not printed", async (address) => {
  const { host } = await webhook();
  host.write(WEBHOOK, address);
  const refused = await host.after(LEAK);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^the webhook did not answer: \w+$/m);
  expect(refused.stderr).not.toContain("s3cr");
});

test("of two who are told, the one that heard it is not told again for the other's sake", async () => {
  const { host, heard } = await webhook([500], [500]);
  expect((await host.after(LEAK)).code).toBe(1);
  expect((await host.after(LEAK)).code).toBe(1);
  expect([host.told().length, heard.length]).toEqual([1, 2]);
  // It hears by then also what began after it.
  mustSucceed(await host.after(LEAK, WARN));
  expect(JSON.parse(heard[2]?.body ?? "")).toMatchObject({ event: "failed", begun: ["connections.maximum", "redis.memory"] });
  expect(host.told()).toEqual([expect.objectContaining({ event: "warned", begun: ["redis.memory"], failing: ["connections.maximum"] })]);
  mustSucceed(await host.after(OK));
  expect([host.told().length, heard.length]).toEqual([1, 4]);
});

test("without a good release, and beside a release under way, there is nothing to watch", async () => {
  const host = new Watched();
  host.remove("var/lib/berth/good");
  mustSucceed(await host.after(LEAK));
  expect(host.told()).toEqual([]);
});
