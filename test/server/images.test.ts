import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { acts, Host, mustSucceed, verdict } from "./host.ts";

const A = "aaaaaaaaaaaa";
const B = "bbbbbbbbbbbb";
const PRIVATE = { BERTH_REGISTRY: "registry.example.com", BERTH_REGISTRY_USER: "deploy", BERTH_REGISTRY_SECRET: "/opt/berth/secrets/registry-111111111111" };

/** A host where only app:1 is missing. `login` and `pull` answer as given. */
function lacking(pull: string, env: Readonly<Record<string, string>> = {}): Host {
  const host = new Host();
  host.lay(A, { env });
  host.write("opt/berth/secrets/registry-111111111111", "tok3n-value");
  host.answer(`"docker image inspect "*app:1) exit 1 ;;
  "docker login "*) cat >"$FAKE/password"; stat=$(ls -ld "$DOCKER_CONFIG"); printf '%s\\n' "\${stat%% *} $DOCKER_CONFIG" >"$FAKE/config"; exit ;;
  "docker pull "*) ${pull} ;;`);
  return host;
}

test("only missing images are fetched", async () => {
  const run = await lacking("exit 0").run(["release", A]);
  mustSucceed(run);
  expect(acts(run.calls).filter((line) => /^docker (pull|login)/.test(line))).toEqual(["docker pull --quiet app:1"]);
});

test("the registry's password goes in on standard input, and what the login leaves is root's alone and gone afterwards", async () => {
  const host = lacking("exit 0", PRIVATE);
  const run = await host.run(["release", A]);
  mustSucceed(run);
  expect(acts(run.calls).filter((line) => /^docker (pull|login)/.test(line))).toEqual([
    "docker login --username deploy --password-stdin registry.example.com",
    "docker pull --quiet app:1",
  ]);
  expect(host.read("fake/password")).toBe("tok3n-value");
  const [mode, directory = ""] = (host.read("fake/config") ?? "").trim().split(" ");
  expect(mode).toBe("drwx------");
  expect(existsSync(directory)).toBe(false);
  expect(run.calls.join("\n") + run.stderr + run.stdout).not.toContain("tok3n-value");
});

test("a registry that cannot be reached is the host's fault, after three tries; nothing was touched", async () => {
  const host = lacking('echo "dial tcp: lookup registry.example.com: no such host" >&2; exit 1');
  const run = await host.run(["release", A]);
  expect(run.code).toBe(11);
  expect(run.calls.filter((line) => line.startsWith("docker pull"))).toHaveLength(3);
  expect(acts(run.calls).filter((line) => line.startsWith("compose"))).toEqual([]);
  expect(JSON.parse(host.read(`var/lib/berth/results/${A}/report.json`) ?? "")).toMatchObject({ cause: "host", checks: [{ id: "release.images" }] });
});

test("an image that the registry does not have is the release's fault, at once", async () => {
  const run = await lacking('echo "manifest unknown" >&2; exit 1').run(["release", A]);
  expect(run.code).toBe(10);
  expect(run.calls.filter((line) => line.startsWith("docker pull"))).toHaveLength(1);
  expect(run.stderr).toContain("FAILED release.images: seen: could not fetch app:1: manifest unknown");
});

test("kept are the good release, the one before, and what was never tried; only images no kept release names go", async () => {
  const host = new Host();
  const third = "cccccccccccc";
  const failed = "dddddddddddd";
  const untried = "eeeeeeeeeeee";
  host.lay(A, { env: { BERTH_IMAGES: "redis:8 app:1" } });
  await host.run(["release", A]);
  host.lay(failed, { env: { BERTH_IMAGES: "redis:8 app:bad" } });
  host.answer(verdict(10, '{"verdict":"fail"}'));
  await host.run(["release", failed]);
  host.answer("");
  host.lay(untried, { env: { BERTH_IMAGES: "redis:8 app:9" } });
  for (const [r12, image] of [[B, "app:2"], [third, "app:3"]] as const) {
    host.lay(r12, { env: { BERTH_IMAGES: `redis:8 ${image}` } });
    expect((await host.run(["release", r12])).code).toBe(0);
  }
  const laid = [A, B, third, failed, untried].filter((r12) => host.read(`opt/berth/releases/${r12}/compose.yaml`) !== undefined);
  expect(laid).toEqual([B, third, untried]);
  expect(host.read("var/lib/berth/good.history")).toBe(`${B}\n${third}\n`);
  expect(host.read("fake/calls")).toContain("docker image rm app:1\n");
  expect(host.read("fake/calls")).not.toContain("docker image rm redis:8");
});
