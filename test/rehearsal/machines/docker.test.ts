import { expect, test } from "vitest";
import { compareVersions, parseVersion } from "../../../rehearsal/docker/docker.ts";
import { execute, run } from "../../../rehearsal/docker/exec.ts";
import { emptied, undoing } from "../../../rehearsal/docker/traces.ts";
import { debianUris } from "../../../rehearsal/images/debian.ts";
import { serverDockerfile } from "../../../rehearsal/images/official-server.ts";
import { IMAGE_NAMES, RECIPES } from "../../../rehearsal/images/recipes.ts";
import { imageTag } from "../../../rehearsal/images.ts";
import { isAlive, processIdentity } from "../../../rehearsal/process-identity.ts";

test("the newest client is told by its version", () => {
  expect(parseVersion("Docker version 20.10.24+dfsg1, build 297e128")).toEqual([20, 10, 24]);
  expect(parseVersion("podman version 4.3.1")).toBeNull();
  expect(compareVersions([28, 2, 2], [20, 10, 24])).toBeGreaterThan(0);
  expect(compareVersions([20, 10, 5], [20, 10, 24])).toBeLessThan(0);
});

const DOCKER_RULES = `*filter
:INPUT ACCEPT
:FORWARD DROP
:OUTPUT ACCEPT
:DOCKER -
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A FORWARD -o berth-1 -j DOCKER
-A FORWARD -i berth-1 ! -o berth-1 -j ACCEPT
-A FORWARD -i eth9 -m comment --comment "not ours" -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
`;

test("rules, chains and policy of a daemon that ended are undone; others' stay", () => {
  expect(undoing("", DOCKER_RULES, ["berth-1"]).map((args) => args.join(" "))).toMatchInlineSnapshot(`
    [
      "-D FORWARD -j DOCKER-USER",
      "-D FORWARD -o berth-1 -j DOCKER",
      "-D FORWARD -i berth-1 ! -o berth-1 -j ACCEPT",
      "-F DOCKER",
      "-F DOCKER-USER",
      "-X DOCKER",
      "-X DOCKER-USER",
      "-P FORWARD ACCEPT",
    ]
  `);
});

test("beside another daemon, only what names our bridge goes", () => {
  const before = DOCKER_RULES.split("\n").filter((line) => !line.includes("berth-1")).join("\n");
  expect(undoing(before, DOCKER_RULES, ["berth-1"])).toEqual([
    ["-D", "FORWARD", "-o", "berth-1", "-j", "DOCKER"],
    ["-D", "FORWARD", "-i", "berth-1", "!", "-o", "berth-1", "-j", "ACCEPT"],
  ]);
});

test("Debian's archive is found in both formats of apt's sources; security and third parties are not it", () => {
  expect(debianUris("# deb http://old/debian x main\ndeb [signed-by=/k.gpg] http://mirror.example/debian trixie main contrib\ndeb http://mirror.example/debian-security trixie-security main\n")).toEqual(["http://mirror.example/debian"]);
  expect(debianUris("Types: deb deb-src\nURIs: https://deb.example/debian/\nSuites: trixie\nComponents: main\n\nTypes: deb\nURIs: https://deb.nodesource.com/node_20.x\nSuites: nodistro\nComponents: main\n")).toEqual(["https://deb.example/debian"]);
});

test("a changed recipe is a new tag; the official image's depends on its reference alone", () => {
  const recipe = RECIPES.redis;
  const changed = { ...recipe, packages: [...recipe.packages, "less"] };
  expect(imageTag("redis", recipe, "debian")).toMatch(/^berth-rehearsal\/redis:debian-[0-9a-f]{12}$/);
  expect(imageTag("redis", changed, "debian")).not.toBe(imageTag("redis", recipe, "debian"));
  expect(imageTag("redis", changed, "official")).toBe(imageTag("redis", recipe, "official"));
});

test("a built image says how it is run in words that `docker import` takes", () => {
  for (const name of IMAGE_NAMES) for (const line of RECIPES[name].config) expect(line).toMatch(/^(ENV|CMD|ENTRYPOINT|WORKDIR|VOLUME|EXPOSE) /);
});

test("Docker is not in a server's image: its first boot installs it", () => {
  const dockerfile = serverDockerfile(RECIPES.server, "debian:trixie");
  expect(RECIPES.server.packages.filter((name) => name.includes("docker"))).toEqual([]);
  expect(dockerfile.split("\n")[0]).toBe("FROM debian:trixie");
  expect(RECIPES.server.after).toContain("--download-only --yes install docker.io");
});

test("a process is known by more than its number", () => {
  const me = processIdentity(process.pid);
  expect(isAlive(me)).toBe(true);
  expect(isAlive(`${process.pid}:1`)).toBe(false);
  expect(isAlive("")).toBe(false);
});

test("a command's failure shows what it said, not what it was given", async () => {
  await expect(run([process.execPath, "-e", "console.error('no'); process.exit(3)"], { input: "secret" })).rejects.toThrow(/exit 0 required, exit 3: no$/);
  expect(await execute(["sleep", "5"], { timeoutMs: 50 })).toMatchObject({ code: 124 });
  await expect(run(["sleep", "5"], { timeoutMs: 50 })).rejects.toThrow("timed out");
});

test("rules that a starting daemon emptied from another's chains come back at their head, in their order", () => {
  const before = "-A DOCKER -i br-1 -j RETURN\n-A DOCKER-ISOLATION-STAGE-2 -o br-1 -j DROP\n-A DOCKER-ISOLATION-STAGE-2 -o br-2 -j DROP\n-A DOCKER-ISOLATION-STAGE-2 -j RETURN\n-A FORWARD -j DOCKER-USER";
  const now = "-A DOCKER-ISOLATION-STAGE-2 -j RETURN";
  expect(emptied(before, now).map((args) => args.join(" "))).toEqual([
    "-I DOCKER-ISOLATION-STAGE-2 -o br-2 -j DROP",
    "-I DOCKER-ISOLATION-STAGE-2 -o br-1 -j DROP",
    "-I DOCKER -i br-1 -j RETURN",
  ]);
});
