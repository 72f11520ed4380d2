import { expect, test } from "vitest";
import { acts, Host, mustSucceed, verdict } from "./host.ts";

const A = "aaaaaaaaaaaa";
const B = "bbbbbbbbbbbb";
const THERE = `*service=postgres*) echo postgresid; exit ;;
  *"{{.Config.Image}}"*postgresid) echo postgres:17; exit ;;
  "docker exec -i postgresid sh") cat >"$FAKE/script"; exit ;;`;
const ROLE = "docker exec -i postgresid sh";

/** What matters here of what was done: the data services, the password, the migration, the application. */
function order(calls: readonly string[]): string[] {
  return acts(calls).filter((line) => line === ROLE || / up .* (redis postgres|api worker)$|migrate$/.test(line)).map((line) => line.replace(/^(compose \w).*? (up|run) .* /, "$1 $2 "));
}

test("every release sets the password once Postgres is up and before anything signs in", async () => {
  const host = new Host();
  host.lay(A);
  host.answer(THERE);
  const run = await host.run(["release", A]);
  mustSucceed(run);
  expect(order(run.calls)).toEqual(["compose a up postgres", ROLE, "compose a run migrate", "compose a up worker"]);
  expect(host.read("fake/script")).toMatchInlineSnapshot(`
    "
    password=$(cat "$POSTGRES_PASSWORD_FILE") || exit 1
    {
      printf "%s\\n" "SET log_statement = none;" "SET log_min_duration_statement = -1;" "SET log_min_error_statement = panic;" \\
        "SET track_activities = off;" "SET pg_stat_statements.track_utility = off;" "\\\\set ON_ERROR_STOP on" "\\\\password"
      printf "%s\\n%s\\n" "$password" "$password"
    } | psql -X -q -w -U "$POSTGRES_USER" -d "$POSTGRES_DB"
    "
  `);
});

test("a failed release's password gives way to the one before, and so it is at a boot", async () => {
  const host = new Host();
  host.lay(A);
  host.answer(THERE);
  await host.run(["release", A]);
  host.lay(B);
  host.answer(`${THERE}\n${verdict(10, '{"verdict":"fail"}', B)}`);
  const failed = await host.run(["release", B]);
  expect(failed.code).toBe(10);
  expect(order(failed.calls)).toEqual([
    "compose b up postgres", ROLE, "compose b run migrate", "compose b up worker",
    "compose a up postgres", ROLE, "compose a up worker",
  ]);
  expect(order((await host.run(["boot"])).calls)).toEqual(["compose a up postgres", ROLE, "compose a up worker"]);
});

test("a password that cannot be set fails the release before it migrates, with psql's words and no secret", async () => {
  const host = new Host();
  host.lay(A);
  host.answer(THERE.replace('cat >"$FAKE/script"; exit', 'cat >/dev/null; echo "psql: error: FATAL: role \\"app2\\" does not exist, hunter22" >&2; exit 2'));
  const run = await host.run(["release", A]);
  expect(run.code).toBe(10);
  expect(run.stderr).toContain('FAILED release.password: seen: the password of Postgres could not be set: psql: error: FATAL: role "app2" does not exist, [secret]');
  expect(run.stderr).toContain("look at berth:postgres.user");
  expect(order(run.calls)).toEqual(["compose a up postgres", ROLE]);
});

test("a release without Postgres has no password to set", async () => {
  const host = new Host();
  host.lay(A, { env: { BERTH_STATEFUL: "redis=redis:8" } });
  host.answer(THERE);
  const run = await host.run(["release", A]);
  mustSucceed(run);
  expect(run.calls).not.toContain(ROLE);
});

const PASSWORDS = (mark: string): string[] => ["redis-auth.conf", "redis-password", "postgres-password", "app-redis_password", "app-postgres_password"].map((name) => `/opt/berth/secrets/${name}-${mark}`);

function withPasswords(host: Host, r12: string, mark: string): void {
  host.lay(r12, { mounts: PASSWORDS(mark) });
  for (const path of PASSWORDS(mark)) host.write(path.slice(1), "x");
}

test("an application whose passwords change is stopped in order before the data services are: refused at once, it would crash again and again", async () => {
  const host = new Host();
  withPasswords(host, A, "000000000001");
  withPasswords(host, B, "000000000002");
  await host.run(["release", A]);
  host.answer(verdict(10, '{"verdict":"fail"}', B));
  const failed = await host.run(["release", B]);
  const stops = acts(failed.calls).filter((line) => / stop | redis postgres$/.test(line));
  expect(stops).toEqual([
    `compose ${A}: stop api worker`,
    `compose ${B}: up --detach --wait --wait-timeout 60 redis postgres`,
    `compose ${B}: stop api worker`,
    `compose ${A}: up --detach --wait --wait-timeout 60 redis postgres`,
  ]);
});

test("… and one whose passwords stay works on meanwhile", async () => {
  const host = new Host();
  withPasswords(host, A, "000000000001");
  withPasswords(host, B, "000000000001");
  await host.run(["release", A]);
  const run = await host.run(["release", B]);
  mustSucceed(run);
  expect(acts(run.calls).filter((line) => line.includes(" stop "))).toEqual([]);
});
