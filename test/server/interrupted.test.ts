import { expect, test } from "vitest";
import { Host, mustSucceed, verdict } from "./host.ts";

/** A transaction that is killed anywhere, as by a power cut: the next one ends where an undisturbed one ends. */

const A = "aaaaaaaaaaaa";
const B = "bbbbbbbbbbbb";
const SETTING = "/etc/sysctl.d/90-berth.conf";

/** A is good and runs; B is laid down. */
function living(): Host {
  const host = new Host();
  host.lay(A, { host: { [SETTING]: "vm.overcommit_memory = 1\n" } });
  host.lay(B, { host: { [SETTING]: "vm.overcommit_memory = 1\nvm.swappiness = 1\n" } });
  for (const name of ["good", "good.history", "chosen", "current", "laid"]) host.write(`var/lib/berth/${name}`, `${A}\n`);
  host.write(`var/lib/berth/results/${A}/exit`, "0\n");
  host.write("var/lib/berth/host-files", `${SETTING.slice(1)}\n`);
  host.write(SETTING.slice(1), "vm.overcommit_memory = 1\n");
  return host;
}

/** What a host is left with, but for times. */
function left(host: Host): Record<string, string | undefined> {
  const names = ["good", "good.history", "chosen", "current", "laid", "host-files", "host-pending", `results/${B}/exit`, `results/${B}/report.json`, `results/${B}/table.txt`];
  return Object.fromEntries([...names.map((name) => [name, host.read(`var/lib/berth/${name}`)]), ["setting", host.read(SETTING.slice(1))]]);
}

/** The n-th command that does something never returns: the whole transaction is killed inside it, without a last word. */
function killedAt(n: number): string {
  return `"docker version"*|"docker ps"*|"docker inspect"*|"docker image inspect"*|"stat "*|"mountpoint "*|"systemctl is-enabled"*) ;;
  *) echo "$name" >>"$FAKE/steps"
    if [ "$(wc -l <"$FAKE/steps")" = ${n} ]; then
      touch "$FAKE/killed"
      pkill -KILL --session 0
    fi ;;`;
}

test.each([
  // Settings, data services, migration, application, the rest, verification, the unit.
  ["verified, killed in each of its steps", "", 0, 7],
  // The way back's own: settings, data services, application, the rest.
  ["refused, killed in each step of its way back", verdict(10, '{"verdict":"fail"}', B), 6, 4],
])("a release that is %s: what stands is whole, and the next attempt ends as if nothing had been", async (_, answers, from, steps) => {
  const undisturbed = living();
  undisturbed.answer(answers);
  const { code } = await undisturbed.run(["transact", B]);
  const wanted = left(undisturbed);
  let killed = from;
  for (;;) {
    const host = living();
    host.answer(`*) ;; esac; case "$name $*" in ${killedAt(killed + 1)}\nesac; case "$name $*" in ${answers}`);
    await host.run(["transact", B]);
    if (host.read("fake/killed") === undefined) break;
    killed += 1;
    host.answer(answers);
    // What a boot would bring up.
    expect([A, ...(code === 0 ? [B] : [])], `killed in step ${killed}`).toContain(host.read("var/lib/berth/chosen")?.trim());
    expect([A, ...(code === 0 ? [B] : [])], `killed in step ${killed}`).toContain(host.read("var/lib/berth/good")?.trim());
    expect((await host.run(["transact", B])).code).toBe(code);
    expect(left(host), `killed in step ${killed}`).toEqual(wanted);
  }
  expect(killed - from).toBeGreaterThanOrEqual(steps);
}, 300_000);

test("an attempt that was killed before its verdict is not taken for one: the next client starts it again", async () => {
  const host = living();
  host.answer(`*) ;; esac; case "$name $*" in ${killedAt(3)}`);
  await host.run(["transact", B]);
  expect(host.read("fake/killed")).toBe("");
  expect(host.read(`var/lib/berth/results/${B}/exit`)).toBeUndefined();
  host.answer("");
  const next = await host.run(["release", B]);
  mustSucceed(next);
  expect(next.calls.filter((line) => line.startsWith("systemd-run"))).toHaveLength(1);
});

test("a release that takes longer than any may is ended, says so, and leaves the lock to the next", async () => {
  const host = living();
  host.answer('*" migrate") exec /bin/sleep 3 ;;');
  const long = await host.run(["release", B], { BERTH_HOLD_SECONDS: "1" });
  expect(long.code).toBe(1);
  expect(long.stderr).toContain(`release ${B}: ended after 1 s, the longest that a release may take; the next attempt continues`);
  expect(host.read("var/lib/berth/chosen")).toBe(`${A}\n`);
  host.answer("");
  mustSucceed(await host.run(["release", B]));
});

test("what Compose left half made is removed before it is in the way; a container that was merely created is not", async () => {
  const host = living();
  host.answer(`"docker ps -a --no-trunc"*status=created*) echo "d1be2 fa45d6aaaef0_berth-worker-1"; echo "e0 berth-api-1"; exit ;;`);
  const run = await host.run(["transact", B]);
  mustSucceed(run);
  const removed = run.calls.filter((line) => line.startsWith("docker rm --force") && !line.includes("verify"));
  expect(new Set(removed)).toEqual(new Set(["docker rm --force d1be2"]));
  expect(run.stderr).toContain("start: removing fa45d6aaaef0_berth-worker-1, which an earlier attempt left half made");
});

test("a container that crashes again and again is stopped before it is replaced, and no other", async () => {
  const host = living();
  const states = ["api restarting unhealthy 1 4 false apiid", "worker running healthy 0 1 false workerid", "redis running starting 0 2 false redisid"];
  host.answer(`*service=*) exit ;;
  "docker ps -aq --no-trunc"*) echo apiid; exit ;;
  *"{{.State.Status}}"*) printf '%s\\n' ${states.map((line) => `"${line}"`).join(" ")}; exit ;;`);
  const run = await host.run(["transact", B]);
  mustSucceed(run);
  expect(run.calls.filter((line) => line.startsWith("docker stop"))).toEqual(["docker stop apiid"]);
  expect(run.stderr).toContain("stop: api, which crashed 4 times");
});
