import { expect, test } from "vitest";
import { acts, Host, living, mustSucceed, verdict } from "./host.ts";

const A = "aaaaaaaaaaaa";
const B = "bbbbbbbbbbbb";
const C = "cccccccccccc";

/** From where a failed release says how it ends. */
function lastWords(stderr: string): string {
  const at = stderr.search(/^berth: release \w+ FAILED/m);
  return at === -1 ? "none" : stderr.slice(at);
}

const OPENED = `*StartedAt*redisid) echo redis:8; exit ;;
  *StartedAt*postgresid) echo postgres:17; exit ;;
  *service=redis*) echo redisid; exit ;;
  *service=postgres*) echo postgresid; exit ;;`;

test("a release is one sequence of commands, and leaves its marks", async () => {
  const host = new Host();
  host.lay(A);
  const run = await host.run(["release", A]);
  mustSucceed(run);
  expect(run.stdout).toBe('{"version":1,"verdict":"pass"}\n');
  expect(acts(run.calls)).toMatchInlineSnapshot(`
    [
      "systemd-run --quiet --collect --unit=berth-release-aaaaaaaaaaaa --service-type=exec --property=RuntimeMaxSec=11040 --property=TimeoutStopSec=60 --property=StandardOutput=truncate:/var/lib/berth/results/aaaaaaaaaaaa/log --property=StandardError=inherit /opt/berth/scripts/abcabcabcabc/berth transact aaaaaaaaaaaa",
      "compose aaaaaaaaaaaa: up --detach --wait --wait-timeout 60 redis postgres",
      "compose aaaaaaaaaaaa: --progress quiet --profile migrate run --rm -T migrate",
      "compose aaaaaaaaaaaa: up --detach --wait --wait-timeout 60 api worker",
      "compose aaaaaaaaaaaa: up --detach --wait --wait-timeout 60 --remove-orphans",
      "compose aaaaaaaaaaaa: --progress quiet --profile verify run --rm -T --no-deps --name berth-verify-aaaaaaaaaaaa --volume /run/berth/verify.XXXXXX:/run/berth verify",
      "compose aaaaaaaaaaaa: config --hash *",
      "systemctl start --no-block berth.service",
    ]
  `);
  expect(host.read("var/lib/berth/good")).toBe(`${A}\n`);
  expect(host.read("var/lib/berth/good.history")).toBe(`${A}\n`);
  expect(host.read("var/lib/berth/current")).toBe(`${A}\n`);
  expect(host.read(`var/lib/berth/results/${A}/exit`)).toBe("0\n");
  expect(host.read(`var/lib/berth/results/${A}/table.txt`)).toBe("table for people\n");
});

test("the facts are handed over only once the verifier says that connections settled", async () => {
  const host = await living(A);
  const facts = host.read("fake/facts") ?? "";
  expect(facts.match(/^@@ .*/gm)?.join(" ")).toMatchInlineSnapshot(`"@@ release @@ baseline @@ inspect @@ images @@ compose-hashes @@ containers @@ listeners @@ sysctl @@ hugepages @@ redis-status @@ meminfo @@ mounts @@ volume @@ disk @@ aof @@ cgroup @@ docker-user @@ host-table @@ drift @@ sockets"`);
});

test("a release that fails its verification gives way to the last good one", async () => {
  const host = await living(A);
  host.lay(B);
  host.answer(`${OPENED}
${verdict(10, '{"verdict":"fail"}', B)}`);
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(run.stdout).toBe("");
  expect(host.read(`var/lib/berth/results/${B}/report.json`)).toBe('{"verdict":"fail"}\n');
  expect(acts(run.calls).filter((line) => !line.startsWith("docker exec -i redisid")).slice(-5)).toMatchInlineSnapshot(`
    [
      "compose aaaaaaaaaaaa: up --detach --wait --wait-timeout 60 redis postgres",
      "docker exec -i postgresid sh",
      "compose aaaaaaaaaaaa: up --detach --wait --wait-timeout 60 api worker",
      "compose aaaaaaaaaaaa: up --detach --wait --wait-timeout 60 --remove-orphans",
      "systemctl start --no-block berth.service",
    ]
  `);
  expect(host.read("var/lib/berth/good")).toBe(`${A}\n`);
  expect(host.read("var/lib/berth/current")).toBe(`${A}\n`);
});

test("what fails is shown without what passes, the whole table is kept, and the last words say what is to be done", async () => {
  const host = await living(A);
  host.lay(B);
  const table = ["FAIL  app.health (release)", "      seen      worker: restarting", "", "ok    redis.ready  PONG", "                   after 4 ms", "n/a   limits.cpu   not seen", "", "FAILED", ""].join("\n");
  host.write("fake/table", table);
  host.answer(`*"${B}"*" verify") for word; do case $word in *:/run/berth) touch "\${word%:/run/berth}/settled" ;; esac; done
    cat >/dev/null; cat "$FAKE/table" >&2; echo '{"verdict":"fail"}'; exit 10 ;;`);
  const run = await host.run(["release", B]);
  expect(host.read(`var/lib/berth/results/${B}/table.txt`)).toBe(table);
  expect(run.stderr).toContain("FAIL  app.health (release)\n      seen      worker: restarting\n\nFAILED\n");
  expect(run.stderr).not.toMatch(/redis.ready|after 4 ms|limits.cpu/);
  expect(lastWords(run.stderr)).toMatchInlineSnapshot(`
    "berth: release bbbbbbbbbbbb FAILED, because of the release
          failed    app.health
          runs now  aaaaaaaaaaaa, the last good release, answers again:
          to do     Do what the \`to do\` lines above say (where they name \`berth
                    logs\`, read the evidence above instead), then deploy again.
                    What runs now was not verified again: \`berth verify\` does that.
          details   /var/lib/berth/results/bbbbbbbbbbbb/log and table.txt, on the
                    host; \`berth logs\` shows what runs now
    "
  `);
});

test("a failure that the host caused rolls nothing back and marks nothing good", async () => {
  const host = await living(A);
  host.lay(B);
  host.answer(verdict(11, '{"verdict":"fail"}'));
  const run = await host.run(["release", B]);
  expect(run.code).toBe(11);
  expect(acts(run.calls).filter((line) => line.includes(`compose ${A}`))).toEqual([]);
  expect(lastWords(run.stderr)).toMatchInlineSnapshot(`
    "berth: release bbbbbbbbbbbb FAILED, because of the host
          failed    see above
          runs now  bbbbbbbbbbbb, left as it is: no older release would do better.
                    Not marked good; the last good one: aaaaaaaaaaaa. A reboot
                    brings bbbbbbbbbbbb up again
          to do     Do on the host what the \`to do\` lines above say, then deploy
                    again: the same release is tried again.
          details   /var/lib/berth/results/bbbbbbbbbbbb/log and table.txt, on the
                    host; \`berth logs\` shows what runs now
    "
  `);
  expect(host.read("var/lib/berth/good")).toBe(`${A}\n`);
});

test("a first release that fails stops the application and keeps the data services", async () => {
  const host = new Host();
  host.lay(A);
  host.answer(verdict(10, '{"verdict":"fail"}'));
  const run = await host.run(["release", A]);
  expect(run.code).toBe(10);
  expect(acts(run.calls)).toContain(`compose ${A}: stop proxy api worker`);
  expect(host.read("var/lib/berth/good")).toBeUndefined();
});

test("data is never handed back to the image of another Redis", async () => {
  const host = await living(A);
  host.lay(B, { env: { BERTH_STATEFUL: "redis=redis:9 postgres=postgres:17" } });
  host.answer(`${OPENED.replace("redis:8", "redis:9")}\n${verdict(10, '{"verdict":"fail"}')}`);
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(run.stderr).toContain(`rollback: not possible: redis: data opened by redis:9, ${A} has redis:8`);
  expect(acts(run.calls).filter((line) => line.includes(`compose ${A}`))).toEqual([]);
  expect(acts(run.calls)).toContain(`compose ${B}: stop proxy api worker`);
  const boot = await host.run(["boot"]);
  expect(boot.code).toBe(1);
  expect(boot.stderr).toContain("boot: refused: redis: data opened by redis:9");
});

test("a migration that fails starts no new version, and says so in a report", async () => {
  const host = await living(A);
  host.lay(B);
  host.answer(`*" run --rm -T migrate") echo "cannot reach it with hunter22"; exit 3 ;;`);
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(acts(run.calls).filter((line) => line.includes(`compose ${B}`))).toMatchInlineSnapshot(`
    [
      "compose bbbbbbbbbbbb: up --detach --wait --wait-timeout 60 redis postgres",
      "compose bbbbbbbbbbbb: --progress quiet --profile migrate run --rm -T migrate",
    ]
  `);
  expect(run.stderr).toContain("    | cannot reach it with [secret]\n");
  expect(JSON.parse(host.read(`var/lib/berth/results/${B}/report.json`) ?? "")).toMatchObject({ release: B, verdict: "fail", cause: "release", checks: [{ id: "release.migrate", seen: "the migration ended with 3" }] });
});

/** The failed check of the report of B. */
function failed(host: Host): unknown {
  return (JSON.parse(host.read(`var/lib/berth/results/${B}/report.json`) ?? "") as { checks: readonly unknown[] }).checks[0];
}

test("a migration that its bound ends says which bound, and which key", async () => {
  const host = await living(A);
  host.lay(B, { env: { BERTH_MIGRATE_SECONDS: "1" } });
  host.answer(`*" run --rm -T migrate") echo "altering orders"; exec /bin/sleep 20 ;;`);
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(run.stderr).toContain("    | altering orders\n");
  expect(failed(host)).toMatchObject({
    id: "release.migrate", cause: "release", seen: "the migration was stopped after 1 s (exit code 124)", expected: "0 within berth:app.migrateSeconds (1 s)",
    advice: "read its last lines above; if it only needs longer, raise berth:app.migrateSeconds. The new version was not started",
  });
});

test.each([124, 137])("a migration that ends with %d before its bound was not ended by it", async (code) => {
  const host = await living(A);
  host.lay(B);
  host.answer(`*" run --rm -T migrate") exit ${code} ;;`);
  expect((await host.run(["release", B])).code).toBe(10);
  expect(failed(host)).toMatchObject({ id: "release.migrate", seen: `the migration ended with ${code}`, expected: "0 (berth:app.migrate)" });
});

test("a migration that an earlier attempt left behind is waited for, and counts", async () => {
  const host = await living(A);
  host.lay(B, { env: { BERTH_MIGRATE_SECONDS: "2" } });
  const left = '"docker ps -aq"*oneoff=True) echo 0ld; exit ;;';
  host.answer(`${left}\n  "docker wait 0ld") exec /bin/sleep 20 ;;`);
  expect((await host.run(["release", B])).code).toBe(10);
  expect(failed(host)).toMatchObject({
    seen: "container 0ld of an earlier attempt still migrates", expected: "ended within berth:app.migrateSeconds (2 s)",
    advice: "look at: docker logs 0ld. Release again once it has ended; if it only needs longer, raise berth:app.migrateSeconds",
  });
  host.answer(`${left}\n  "docker wait 0ld") exec /bin/sleep 1 ;;\n  *" run --rm -T migrate") exec /bin/sleep 20 ;;`);
  expect((await host.run(["release", B])).code).toBe(10);
  expect(failed(host)).toMatchObject({ seen: "the migration was stopped after 1 s (exit code 124)", expected: "0 within berth:app.migrateSeconds (2 s, the wait for an earlier one included)" });
});

test("a verifier that cannot run proves nothing: the release is not good", async () => {
  const host = await living(A);
  host.lay(B);
  host.answer(`*" verify") echo "exec: node: not found" >&2; exit 127 ;;`);
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(run.stderr).toMatch(/FAILED verify.run: seen: the verifier ended with 127 and no report: exec: node: not found/);
  expect(host.read("var/lib/berth/good")).toBe(`${A}\n`);
});

test("exit 0 without a report is no proof either", async () => {
  const host = await living(A);
  host.lay(B);
  host.answer('*" verify") exit 0 ;;');
  expect((await host.run(["release", B])).code).toBe(10);
});

test("a verifier that hangs is ended by its bound", async () => {
  const host = await living(A);
  host.lay(B, { env: { BERTH_VERIFY_SECONDS: "1" } });
  host.answer('*" verify") exec /bin/sleep 20 ;;');
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(run.stderr).toContain("no verdict within BERTH_VERIFY_SECONDS=1 s");
});

test("without an answer from Compose the release is still verified, so that the report says why", async () => {
  const host = await living(A);
  host.lay(B);
  host.answer(`*${B}*" up "*) echo "container berth-worker-1 is unhealthy" >&2; exit 1 ;;
  ${verdict(10, '{"verdict":"fail","checks":["worker"]}')}`);
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(host.read(`var/lib/berth/results/${B}/report.json`)).toBe('{"verdict":"fail","checks":["worker"]}\n');
  expect(run.stderr).toContain("  container berth-worker-1 is unhealthy\n");
});

test("a running transaction is followed, not started again", async () => {
  const host = await living(A);
  host.write(`var/lib/berth/results/${A}/log`, "from the start\n");
  host.answer('"systemctl show "*) echo active; exit ;;');
  const run = await host.run(["release", A]);
  expect(run.stderr).toContain("already under way, following it\nfrom the start\n");
  expect(run.calls.filter((line) => line.startsWith("systemd-run"))).toEqual([]);
});

test("a success that nobody saw is verified, not done again; one that was seen is done again", async () => {
  const host = await living(A);
  host.answer('"docker ps -aq"*) echo one; exit ;;\n  *"{{.State.Status}}"*) for service in redis postgres api worker proxy; do echo "$service running healthy 0 0 false id"; done; exit ;;');
  host.remove(`var/lib/berth/results/${A}/delivered`);
  const unseen = await host.run(["release", A]);
  mustSucceed(unseen);
  expect(acts(unseen.calls)).toMatchInlineSnapshot(`
    [
      "compose aaaaaaaaaaaa: --progress quiet --profile verify run --rm -T --no-deps --name berth-verify-aaaaaaaaaaaa --volume /run/berth/verify.XXXXXX:/run/berth verify",
      "compose aaaaaaaaaaaa: config --hash *",
    ]
  `);
  const seen = await host.run(["release", A]);
  expect(acts(seen.calls).filter((line) => line.startsWith("systemd-run"))).toHaveLength(1);
});

test("a transaction that vanished without a verdict is a failure of its own", async () => {
  const host = new Host();
  host.lay(A);
  host.answer('"systemd-run "*) exit 0 ;;');
  const run = await host.run(["release", A]);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain(`release ${A}: ended without a verdict. Look at: journalctl -u berth-release-${A}`);
});

test("the operator's way back is the release before, without migrating", async () => {
  const host = await living(A);
  host.lay(B);
  await host.run(["release", B]);
  expect(host.read("var/lib/berth/good.history")).toBe(`${A}\n${B}\n`);
  const run = await host.run(["rollback"]);
  mustSucceed(run);
  expect(acts(run.calls).filter((line) => line.includes("migrate"))).toEqual([]);
  expect(host.read("var/lib/berth/good")).toBe(`${A}\n`);
  expect(host.read("var/lib/berth/good.history")).toBe(`${A}\n`);
  const again = await host.run(["rollback"]);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain(`rollback: required: a release before ${A} that is still laid down; found: none`);
});

const history = (host: Host): string[] => (host.read("var/lib/berth/good.history") ?? "").split("\n").filter((line) => line !== "");

test("what was taken back and is released again has a release before it again: the history never empties", async () => {
  const host = await living(A);
  mustSucceed(await host.run(["release", A]));
  expect(history(host), "the first release, once more").toEqual([A]);
  host.lay(B);
  mustSucceed(await host.run(["release", B]));
  mustSucceed(await host.run(["rollback"]));
  mustSucceed(await host.run(["release", A]));
  expect(history(host), "back, and what runs once more").toEqual([A]);
  for (const r12 of [B, C]) {
    host.lay(r12);
    mustSucceed(await host.run(["release", r12]));
  }
  expect([history(host), await host.sourced("laid_releases")]).toEqual([[B, C], `${B} ${C}`]);
  mustSucceed(await host.run(["rollback"]));
  expect(history(host)).toEqual([B]);
});

test.each([["empty", ""], ["of others", `${C}\n`]])("a history that is %s is made whole by the next release that is good", async (_, lost) => {
  const host = await living(A);
  for (const r12 of [B, C]) host.lay(r12);
  host.write("var/lib/berth/good.history", lost);
  mustSucceed(await host.run(["release", B]));
  expect(history(host).slice(-2)).toEqual([A, B]);
  mustSucceed(await host.run(["rollback"]));
  expect([host.read("var/lib/berth/good"), history(host).at(-1)]).toEqual([`${A}\n`, A]);
});

test("the way back to the good release, of one that only the host failed, puts it into an empty history too", async () => {
  const host = await living(A);
  host.lay(B);
  host.write("var/lib/berth/good.history", "");
  host.answer(verdict(11, '{"verdict":"fail","cause":"host"}', B));
  expect((await host.run(["release", B])).code).toBe(11);
  mustSucceed(await host.run(["rollback"]));
  expect([host.read("var/lib/berth/good"), history(host)]).toEqual([`${A}\n`, [A]]);
});

test.each([
  [["release"], "required: 12 hex digits; found: ''"],
  [["release", "../../etc/xx"], "required: 12 hex digits; found: '../../etc/xx'"],
  [["release", "cccccccccccc"], "found: no such file. Laid down here: aaaaaaaaaaaa"],
  [["dance"], "usage: berth COMMAND"],
])("%j is a mistake of usage", async (args, said) => {
  const host = new Host();
  host.lay(A);
  const run = await host.run(args);
  expect(run.code).toBe(2);
  expect(run.stderr).toContain(said);
});

test("a release.env that holds more than values is not run", async () => {
  const host = new Host();
  host.lay(A, { env: { BERTH_PROJECT: "$(touch pwned)" } });
  const run = await host.run(["release", A]);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain("required: only lines KEY='value'; found: BERTH_PROJECT='$(touch pwned)'");
  expect(run.calls).toEqual([]);
});

/** An API that Docker calls unhealthy until it was asked this often, and that Compose therefore refuses to wait for at first. */
function recovering(asked: number): string {
  return `*service=redis*|*service=postgres*) exit ;;
  "docker ps -aq --no-trunc --filter label=com.docker.compose.project=berth --filter label=com.docker.compose.oneoff=False") echo apiid; exit ;;
  *"{{.State.Status}}"*) echo x >>"$FAKE/asked"; if [ "$(wc -l <"$FAKE/asked")" -ge ${asked} ]; then echo "api running healthy 0 0 false apiid"; else echo "api running unhealthy 0 0 false apiid"; fi; exit ;;
  *" up "*"api worker") [ "$(wc -l <"$FAKE/asked")" -ge ${asked} ] || { echo "container berth-api-1 is unhealthy" >&2; exit 1; }; exit ;;`;
}

test("an application that a loading Redis left unhealthy is given its next checks before it counts as failed", async () => {
  const host = await living(A);
  host.lay(B);
  host.write("fake/asked", "");
  host.answer(recovering(5));
  const run = await host.run(["release", B]);
  mustSucceed(run);
  expect(run.stderr).toContain("health: waiting for the next checks of what is unhealthy: api unhealthy\n");
  expect(acts(run.calls).filter((line) => line.endsWith("api worker"))).toHaveLength(2);
  expect(host.read("var/lib/berth/good")).toBe(`${B}\n`);
});

test("… and one that stays unhealthy is not waited for twice", async () => {
  const host = await living(A);
  host.lay(B);
  host.write("fake/asked", "");
  host.answer(`${verdict(10, '{"verdict":"fail"}', B)}\n  ${recovering(1000)}`);
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(acts(run.calls).filter((line) => line.includes(B) && line.endsWith("api worker"))).toHaveLength(1);
});

test("a verification by hand gives the same time", async () => {
  const host = await living(A);
  host.write("fake/asked", "");
  host.answer(recovering(5));
  const run = await host.run(["verify"]);
  mustSucceed(run);
  expect(run.stderr).toContain("health: waiting for the next checks");
});

test("one of several APIs leaves the proxy's rotation before it is replaced, and stops; one that is not there yet leaves nothing", async () => {
  const host = new Host();
  const rotating = { env: { BERTH_NODE: "api", BERTH_READINESS_PORT: "2016", BERTH_STATEFUL: "", BERTH_MIGRATE: "0" } };
  host.lay(A, rotating);
  host.lay(B, rotating);
  const steps = (calls: readonly string[]): string[] => acts(calls).filter((line) => /^(?:nft|compose \w+: (?:up|stop))/.test(line));
  const up = (r12: string): string[] => ["api worker", "--remove-orphans"].map((what) => `compose ${r12}: up --detach --wait --wait-timeout 60 ${what}`);
  host.answer(`*"config --services"*) printf '%s\\n' api worker; exit ;;`);
  expect(steps((await host.run(["release", A])).calls)).toEqual([...up(A), "nft delete table inet berth_rotation"]);
  host.answer(`*"config --services"*) printf '%s\\n' api worker; exit ;;
  *"docker ps -aq --no-trunc"*) echo apiid; exit ;;
  *RestartCount*) echo "api running healthy 0 0 false apiid"; exit ;;`);
  const run = await host.run(["release", B]);
  expect(steps(run.calls)).toEqual(["nft -f -", ...up(B), "nft delete table inet berth_rotation"]);
  expect(host.read(`var/lib/berth/results/${B}/log`)).toContain("berth: api: out of the proxy's rotation before it stops\n");
  expect(steps((await host.run(["stop"])).calls)).toEqual(["nft -f -", `compose ${B}: stop`]);
});
