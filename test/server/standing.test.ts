import { expect, test } from "vitest";
import { Host, mustSucceed } from "./host.ts";

const GOOD = "aaaaaaaaaaaa";
const NEXT = "bbbbbbbbbbbb";

const ANSWERS = `"docker ps -aq "*service=redis*) echo redisid; exit ;;
  "docker ps -aq "*service=postgres*) echo pgid; exit ;;
  "docker ps -aq --no-trunc"*) echo redisid; exit ;;
  "docker exec -i redisid sh -c IFS="*CONFIG*) read -r password; printf '%s\\n' "password of \${#password}" "asked for \${name#x} \${*#*GET}" >>"$FAKE/asked"; printf '@@ redis-info\\nrun_id:77aa\\n'; exit ;;
  "docker exec -i pgid "*) printf '%s\\n' "$POSTGRES_SAYS"; exit ;;
  "ss -H -tulnp") echo 'tcp LISTEN 0 128 0.0.0.0:9999 0.0.0.0:*'; exit ;;`;

function host(): Host {
  const made = new Host();
  for (const r12 of [GOOD, NEXT]) made.lay(r12);
  made.write(`opt/berth/releases/${GOOD}/compose.yaml`, "source: /opt/berth/files/123456789abc-redis.conf\n");
  made.write("opt/berth/files/123456789abc-redis.conf", "# why\nsave \"\"\nmaxmemory-policy noeviction\ninclude /run/secrets/redis-auth.conf\n");
  made.answer(ANSWERS);
  return made;
}

function headings(made: Host): string[] {
  return made.read("var/lib/berth/standing")?.match(/^@@ \S+/gm) ?? [];
}

test("nothing stands before the first release", async () => {
  const made = host();
  mustSucceed(await made.run(["release", GOOD]));
  expect(made.read("var/lib/berth/standing")).toBe("");
});

test("a release is held against what was so before it: asked of Redis without its password in a setting's name or a command line", async () => {
  const made = host();
  made.write("var/lib/berth/good", `${GOOD}\n`);
  made.write("var/lib/berth/current", `${GOOD}\n`);
  const run = await made.run(["release", NEXT], { POSTGRES_SAYS: "4 50" });
  mustSucceed(run);
  expect(headings(made)).toEqual(["@@ inspect", "@@ containers", "@@ listeners", "@@ docker-user", "@@ host-table", "@@ drift", "@@ postgres", "@@ redis-info"]);
  expect(made.read("var/lib/berth/standing")).toContain("@@ postgres\n4 50\n");
  expect(made.read("var/lib/berth/standing")).toContain("0.0.0.0:9999");
  const config = run.calls.find((line) => line.includes("CONFIG GET")) ?? "";
  expect(config).toMatch(/ sh maxmemory-policy save$/);
  expect(run.calls.join("\n")).not.toContain("hunter22");
  expect(made.read("fake/facts")).toContain("@@ before.postgres\n4 50\n");
});

test("a Postgres that has no connection left says so", async () => {
  const made = host();
  made.write("var/lib/berth/good", `${GOOD}\n`);
  mustSucceed(await made.run(["release", NEXT], { POSTGRES_SAYS: "psql: error: FATAL:  sorry, too many clients already" }));
  expect(made.read("var/lib/berth/standing")).toContain("@@ postgres\n100 100\n");
});

test("an attempt that goes on where one was cut off keeps what that one found: by now it may be the release's own doing", async () => {
  const made = host();
  made.write("var/lib/berth/good", `${GOOD}\n`);
  made.write("var/lib/berth/current", `${NEXT}\n`);
  made.write("var/lib/berth/standing", "@@ listeners\nas it was\n");
  mustSucceed(await made.run(["release", NEXT]));
  expect(made.read("var/lib/berth/standing")).toBe("@@ listeners\nas it was\n");
});
