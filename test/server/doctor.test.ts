import { expect, test } from "vitest";
import { Host, mustSucceed } from "./host.ts";

const A = "aaaaaaaaaaaa";
const EXPECT = '{\n  "project": "berth",\n  "queues": [\n    "file",\n    "email"\n  ],\n  "heartbeat": {\n    "key": "berth:heartbeat:worker",\n    "maxAgeSeconds": 90\n  }\n}\n';

/** Redis in a container `redisid`; what it is asked goes to `stdin`. */
const REDIS = `*"ps -aq"*service=redis*) echo redisid; exit ;;
  *"ps -aq"*) echo redisid; exit ;;
  *"{{.State.Status}} {{.State.ExitCode}}"*) echo "running 0 41"; exit ;;
  "docker exec -i redisid "*redis-cli*--json*) cat >"$FAKE/stdin"; printf '"@@ info"\\nredis_version:8.0.2\\n"@@ end"\\n'; exit ;;
  "docker exec -i redisid "*--latency*) cat >/dev/null; echo "0 1 0.05 190"; exit ;;`;

function released(): Host {
  const host = new Host();
  host.lay(A);
  host.write(`opt/berth/releases/${A}/compose.yaml`, "source: /opt/berth/files/0123456789ab-expect.json\n");
  host.write("opt/berth/files/0123456789ab-expect.json", EXPECT);
  host.write("var/lib/berth/current", `${A}\n`);
  host.answer(REDIS);
  return host;
}

function section(text: string, name: string): string {
  return new RegExp(`^@@ ${name}\\n((?:(?!@@ ).*\\n)*)`, "m").exec(text)?.[1] ?? "";
}

test("Redis is asked twice, over standard input, with the queues and the heartbeat of the release", async () => {
  const host = released();
  const run = await host.run(["doctor"]);
  mustSucceed(run);
  expect(section(run.stdout, "before-redis")).toBe('"@@ info"\nredis_version:8.0.2\n"@@ end"\n');
  expect(section(run.stdout, "after-redis")).toBe(section(run.stdout, "before-redis"));
  expect(section(run.stdout, "latency")).toBe("0 1 0.05 190\n");
  const asked = (host.read("fake/stdin") ?? "").split("\n");
  expect(asked[0]).toBe("hunter22");
  expect(run.calls.filter((call) => call.includes("hunter22"))).toEqual([]);
  expect(asked).toContain("PTTL berth:heartbeat:worker");
  expect(asked.find((line) => line.startsWith("EVAL_RO"))).toMatch(/" 0 file email $/);
  // Nothing that is slow, that writes, or that shows a password.
  expect(asked.filter((line) => /^(KEYS|SCAN|MONITOR|SAVE|BGSAVE|CONFIG (SET|GET \*)|DEBUG|FLUSH)/.test(line))).toEqual([]);
});

test("a Redis that gives no answer is not asked again", async () => {
  const host = released();
  host.answer(REDIS.replace(/cat >"\$FAKE\/stdin"; printf.*; exit/, "cat >/dev/null; exit 124"));
  const { stdout, calls } = await host.run(["doctor"]);
  expect(section(stdout, "before-redis").trim()).toBe("! Redis: no answer within 3 s");
  expect(section(stdout, "after-redis").trim()).toBe("! Redis: no answer to the question before");
  expect(calls.filter((call) => call.includes("--json"))).toHaveLength(1);
});

test("Docker does not answer: the host tells what it knows, and nothing waits for it", async () => {
  const host = released();
  host.answer(`"docker version "*) echo "Cannot connect to the Docker daemon" >&2; exit 1 ;;`);
  host.write("proc/meminfo", "MemTotal: 1 kB\n");
  const run = await host.run(["doctor"]);
  mustSucceed(run);
  expect(section(run.stdout, "docker")).toBe("! Docker: Cannot connect to the Docker daemon\n");
  expect(section(run.stdout, "stats")).toBe("! Docker: Cannot connect to the Docker daemon\n");
  expect(section(run.stdout, "after-redis")).toBe("! Docker: Cannot connect to the Docker daemon\n");
  expect(section(run.stdout, "meminfo")).toBe("MemTotal: 1 kB\n");
  expect(run.calls.filter((call) => call.startsWith("docker ") && !call.startsWith("docker version"))).toEqual([]);
});

test("a section of another name, and a host without a release", async () => {
  expect(await released().run(["doctor", "everything"])).toMatchObject({ code: 2 });
  expect((await new Host().run(["doctor"])).stderr).toContain("required: a release that was started; found: none on this host. Look at: berth status");
});

test("the id of a service's container", async () => {
  expect((await released().run(["container", "redis"])).stdout).toBe("redisid\n");
});

test("logs: the words are Compose's, its control characters go, its exit code stays", async () => {
  const host = released();
  host.answer(`*" logs --tail 5 api") printf '\\033[2Kapi-1  | one\\n\\033[2Kapi-1  | two\\n'; exit 3 ;;`);
  const run = await host.run(["logs", "--tail", "5", "api"]);
  expect(run).toMatchObject({ code: 3, stdout: "api-1  | one\napi-1  | two\n" });
  expect(run.calls.at(-1)).toBe(`docker compose --ansi never --project-name berth --file /opt/berth/releases/${A}/compose.yaml logs --tail 5 api`);
});
