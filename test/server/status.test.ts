import { expect, test } from "vitest";
import { Host, mustSucceed } from "./host.ts";

const A = "aaaaaaaaaaaa";

const CONTAINERS = `*"--format {{.Label"*) printf '%s\\n' "worker|Restarting (1) 4 seconds ago|registry.example.net/team/app@sha256:0123456789abcdef0123" "redis|Up 3 minutes (healthy)|redis:8.0.5"; exit ;;
  *"docker ps -aq"*) printf '%s\\n' one two; exit ;;
  *'{{index .Config.Labels "com.docker.compose.service"}}'*) printf '%s\\n' "redis running healthy 0 0 false one" "worker restarting none 1 7 true two"; exit ;;`;

function released(): Host {
  const host = new Host();
  host.lay(A);
  host.write("var/lib/berth/good", `${A}\n`);
  host.write("var/lib/berth/current", `${A}\n`);
  host.write(`var/lib/berth/results/${A}/exit`, "10\n");
  host.write(`var/lib/berth/results/${A}/report.json`, '{"version":1,"at":"2026-11-01T12:10:00.000Z"}\n');
  host.write(`var/lib/berth/results/${A}/table.txt`, "FAIL  app.health (release)\n????  redis.save (release)\nok    redis.ready  PONG\n\n38 checks, 36 passed, 1 failed, 1 unknown\n");
  host.answer(CONTAINERS);
  return host;
}

test("status is a page of 80 columns on standard output", async () => {
  const run = await released().run(["status"]);
  mustSucceed(run);
  expect(run.stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(run.stdout).toMatchInlineSnapshot(`
    "good release  aaaaaaaaaaaa
    before it     none
    last started  aaaaaaaaaaaa
    last verdict  failed: the release was the cause, 2026-11-01 12:10:00 UTC
                  38 checks, 36 passed, 1 failed, 1 unknown
    not passed    app.health, redis.save

    SERVICE   STATUS                         RESTARTS  OOM  IMAGE
    redis     Up 3 minutes (healthy)                0  no   redis:8.0.5
    worker    Restarting (1) 4 seconds ago          7  yes  app@0123456789ab
    "
  `);
});

test("before the first release, and without Docker, it says so", async () => {
  expect((await new Host().run(["status"])).stdout).toMatchInlineSnapshot(`
    "good release  none
    before it     none
    last started  none
    "
  `);
  const host = released();
  host.answer(`"docker version "*) exit 1 ;;`);
  expect((await host.run(["status"])).stdout).toContain("\nDocker does not answer: journalctl -u docker -n 50\n");
});
