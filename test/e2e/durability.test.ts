import { expect, test } from "vitest";
import { ask, containerIds, redisCli, restartCounts, startTimes, verify } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { notPassed, rehearsed } from "../helpers/deployment.ts";
import { act, answersAgain, attachVolume, detachVolume, eventually } from "../helpers/hardware.ts";
import { judge, loadingLog, LoadingWatch, writeSlowAof } from "../helpers/loading.ts";

/**
 * One living server, and what is to survive on it: a Redis that loads for seconds, an interrupted deployment, a power loss, a volume that
 * goes away and comes back. The tests are in its order; the job of the first is asked for after each.
 */
const rehearsal = rehearsed();

/** A load must take this long to be seen, in seconds. */
const LOAD_SECONDS = 8;
/** Redis's CPU time for it: more, because a core is not equally fast all the time. */
const LOAD_CPU_SECONDS = 11;
/** Bound on a start that loads, in milliseconds: other work may share the machine. */
const START_MS = 300_000;

let job = { id: "" };
let keys = 0;
const BERTH = "/opt/berth/scripts/current/berth";

/** The job as its three keepers have it: the application, Postgres, Redis. */
async function keptJob(it: Rehearsal): Promise<{ api: unknown; row: string; key: string }> {
  const answer = (await ask(it, `/jobs/${job.id}`)).body as { state?: unknown };
  const row = await it.exec(["docker", "exec", "berth-postgres-1", "psql", "-U", "app", "-d", "app", "-tAc", `select state from jobs where id = '${job.id}'`]);
  return { api: answer.state, row: row.trim(), key: (await redisCli(it, `EXISTS bull:email:${job.id}`)).trim() };
}
const KEPT = { api: "completed", row: "completed", key: "1" };

/** That this start loaded for long enough to be seen, was watched closely, and let no 200 through before its end. */
async function expectNoEarly200(it: Rehearsal, watch: LoadingWatch, what: string): Promise<void> {
  const seen = await watch.until200(START_MS);
  const log = await loadingLog(it);
  const verdict = judge(seen, log);
  it.steps.line(`           ${what}: Redis loaded for ${log.seconds.toFixed(1)} s; /readyz asked ${verdict.askedWhileLoading} times meanwhile (${verdict.rate.toFixed(1)}/s), 200 after ${verdict.readyAfterMs} ms`);
  expect(log.seconds).toBeGreaterThan(LOAD_SECONDS);
  // 10 Hz, less what a busy machine leaves out.
  expect(verdict.rate).toBeGreaterThan(5);
  expect(verdict.tooEarly).toEqual([]);
}

async function expectGreen(it: Rehearsal): Promise<void> {
  const report = await verify(it);
  expect(notPassed(report)).toEqual([]);
  expect(await keptJob(it)).toEqual(KEPT);
}

const NO_RESTARTS = { redis: 0, postgres: 0, api: 0, worker: 0, proxy: 0 };

test("an application with a job done, and a Redis whose file is slow to load", async () => {
  const it = rehearsal.it;
  const up = await it.up();
  expect(up.report.verdict).toBe("pass");
  job = (await ask(it, "/jobs", { queue: "email", data: { to: "someone@example.com", subject: "kept", text: "kept" } })).body as { id: string };
  await eventually("the job is done", 30_000, async () => ((await ask(it, `/jobs/${job.id}`)).body as { state?: unknown }).state === "completed");
  keys = await writeSlowAof(it, LOAD_CPU_SECONDS);
});

test("a Redis that loads for seconds at `up`: nothing says ready before it is, and the release is verified", async () => {
  const it = rehearsal.it;
  const before = await containerIds(it);
  const watch = new LoadingWatch(it);
  const [up] = await Promise.all([it.up({ "redis.maxclients": 900 }), expectNoEarly200(it, watch, "up")]);
  expect(notPassed(up.report)).toEqual([]);
  const after = await containerIds(it);
  expect(after["redis"], "a changed redis.conf makes Redis anew").not.toBe(before["redis"]);
  expect(await restartCounts(it)).toEqual(NO_RESTARTS);
  expect(await keptJob(it)).toEqual(KEPT);
  expect((await redisCli(it, `EXISTS bulk:0 bulk:${keys - 1}`)).trim()).toBe("2");
});

test("… at a restart of Redis: the application waits, and none of its processes ends", async () => {
  const it = rehearsal.it;
  const before = await startTimes(it);
  const watch = new LoadingWatch(it);
  await Promise.all([it.exec(["docker", "restart", "berth-redis-1"], { timeoutMs: 120_000 }), expectNoEarly200(it, watch, "docker restart")]);
  const after = await startTimes(it);
  expect({ ...after, redis: "" }).toEqual({ ...before, redis: "" });
  expect(after["redis"]).not.toBe(before["redis"]);
  expect(await restartCounts(it)).toEqual(NO_RESTARTS);
  await expectGreen(it);
});

test("… at a reboot of the server", async () => {
  const it = rehearsal.it;
  const watch = new LoadingWatch(it);
  await Promise.all([act(it, "reboot"), expectNoEarly200(it, watch, "reboot")]);
  expect(await restartCounts(it)).toEqual(NO_RESTARTS);
  await expectGreen(it);
});

test("… at a power loss, after which Docker starts everything at once", async () => {
  const it = rehearsal.it;
  const watch = new LoadingWatch(it);
  await Promise.all([act(it, "reset"), expectNoEarly200(it, watch, "power loss")]);
  expect(await restartCounts(it)).toEqual(NO_RESTARTS);
  await expectGreen(it);
  expect((await redisCli(it, `EXISTS bulk:0 bulk:${keys - 1}`)).trim()).toBe("2");
  // The later tests are not about loading.
  await redisCli(it, "BGREWRITEAOF");
});

test("a deployment whose connection drops goes on, and the next `up` attaches to it", async () => {
  const it = rehearsal.it;
  const image = await it.appImage("2");
  const under = it.up({ "app.image": image });
  const cut = (async () => {
    await eventually("the release is under way", 120_000, async () => (await it.exec(["systemctl", "list-units", "--plain", "--no-legend", "berth-release-*"])).includes("running"));
    await it.exec(["sh", "-c", "kill -9 $(pgrep -u deploy -f sshd-session)"]);
  })();
  await expect(under).rejects.toThrow(/exited without exit status|release .*(connection|exit)/s);
  await cut;
  const up = await it.up({ "app.image": image });
  expect(it.said.join("\n")).toContain(`release ${up.release}: already under way, following it`);
  expect(notPassed(up.report)).toEqual([]);
  expect((await ask(it, "/")).body).toMatchObject({ version: "2" });
  const attempts = await it.exec(["sh", "-c", `journalctl --no-pager -o cat -u berth-release-${up.release} | grep -c ^Started`]);
  expect(attempts.trim(), "one transaction for both").toBe("1");
});

test("`berth rollback` on the host brings the release before back, and leaves data and proxy alone", async () => {
  const it = rehearsal.it;
  const before = await containerIds(it);
  const [good, earlier] = (await it.exec(["sh", "-c", "tac /var/lib/berth/good.history"])).split("\n");
  const { stderr } = await it.attempt([BERTH, "rollback"], { timeoutMs: 180_000 });
  expect(stderr).toContain(`rollback: from ${good} to ${earlier}; migrations are not undone`);
  expect((await it.exec(["cat", "/var/lib/berth/good"])).trim()).toBe(earlier);
  expect((await ask(it, "/")).body).toMatchObject({ version: "1" });
  expect(await containerIds(it)).toMatchObject({ redis: before["redis"], postgres: before["postgres"], proxy: before["proxy"] });
  await expectGreen(it);
});

test("metadata, with the server's private key in it, is refused to containers and not to the server", async () => {
  const it = rehearsal.it;
  const url = "http://169.254.169.254/hetzner/v1/metadata/instance-id";
  const inside = await it.exec(["docker", "exec", "berth-api-1", "node", "-e", `fetch("${url}", { signal: AbortSignal.timeout(5000) }).then((r) => console.log("answered", r.status), (e) => console.log("refused", e.cause?.code))`]);
  expect(inside.trim()).toMatch(/^refused (ECONNREFUSED|EHOSTUNREACH)$/);
  const outside = await it.exec(["python3", "-c", `import urllib.request; print(urllib.request.urlopen("${url}", timeout=5).read().decode())`]);
  expect(outside.trim()).toBe(String(it.serverId));
});

/** What runs that is the application's or Docker's, what lies under the mount point, and which files changed where data could go astray. */
async function astray(it: Rehearsal, marker: string): Promise<{ processes: string; mount: string; changed: string }> {
  const processes = await it.exec(["sh", "-c", "ps -eo comm= | grep -E '^(dockerd|containerd-shim|redis-server|postgres|node|caddy)' || :"]);
  const mount = await it.exec(["find", "/mnt", "-mindepth", "2"]);
  const changed = await it.exec(["sh", "-c", `find /mnt /srv /opt /root /home /var/lib/docker /var/lib/berth /var/lib/postgresql /var/lib/redis -newer ${marker} 2>/dev/null || :`]);
  return { processes, mount, changed };
}
const NOTHING = { processes: "", mount: "", changed: "" };
const MARKER = "/var/tmp/berth-test-marker";

async function withoutVolume(it: Rehearsal): Promise<void> {
  await act(it, "shutdown");
  await detachVolume(it);
  await act(it, "poweron");
  await it.exec(["touch", MARKER]);
}

test("without its volume the server starts nothing and writes nothing; attached again, all is there with no hand", async () => {
  const it = rehearsal.it;
  await withoutVolume(it);
  const tries = async (): Promise<number> => Number(await it.exec(["systemctl", "show", "--property", "NRestarts", "--value", "berth-volume.service"]));
  await eventually("the guard gave up once and tries again", 180_000, async () => (await tries()) >= 1);
  expect(await it.exec(["sh", "-c", "systemctl is-active docker.service berth.service || :"])).toBe("inactive\ninactive\n");
  expect((await it.attempt(["timeout", "5", "docker", "version"])).code, "Docker answers nobody").not.toBe(0);
  expect((await it.attempt(["setpriv", "--reuid", "999", "--regid", "999", "--clear-groups", "touch", "/mnt/berth/redis"])).stderr).toContain("Permission denied");
  expect(await astray(it, MARKER)).toEqual(NOTHING);
  // Two more guards wait for the device, as a release's would: one of the three may mount it, and the others must see that.
  const guards = [1, 2].map(() => it.attempt([BERTH, "volume"], { timeoutMs: 200_000 }));
  await attachVolume(it);
  expect((await Promise.all(guards)).filter(({ code }) => code !== 0)).toEqual([]);
  it.steps.line(`           volume attached: ready after ${(await answersAgain(it)).toFixed(1)} s`);
  expect((await it.exec(["sh", "-c", "grep -c ' /mnt/berth ' /proc/self/mountinfo"])).trim()).toBe("1");
  await expectGreen(it);
  expect(await restartCounts(it)).toEqual(NO_RESTARTS);
});

test("… and the same when the server is rebooted to take the volume up", async () => {
  const it = rehearsal.it;
  await withoutVolume(it);
  expect(await astray(it, MARKER)).toEqual(NOTHING);
  await attachVolume(it);
  await act(it, "reboot");
  it.steps.line(`           rebooted with the volume: ready after ${(await answersAgain(it)).toFixed(1)} s`);
  await expectGreen(it);
  expect(await restartCounts(it)).toEqual(NO_RESTARTS);
});
