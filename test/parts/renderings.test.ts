import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { Docker } from "../../rehearsal/docker/docker.ts";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { ensureImage } from "../../rehearsal/images.ts";
import { composeFile } from "../../src/compose/file.ts";
import { toYaml } from "../../src/compose/yaml.ts";
import { parseConfig } from "../../src/config/faults.ts";
import { caddyfile } from "../../src/host/caddyfile.ts";
import { cloudInit } from "../../src/host/cloud-init.ts";
import { nftTable } from "../../src/host/nftables.ts";
import { hostTree } from "../../src/host/tree.ts";
import { good } from "../config/good.ts";
import { sources, stack } from "../helpers/stack.ts";

/** Debian 13's own programs judge the renderings: those that will read them on a server. */
const root = join(import.meta.dirname, "../..");
const label = `berth.test=renderings-${process.pid}`;
let docker: Docker;
let server = "";

beforeAll(async () => {
  docker = await reachableDocker();
  const image = await ensureImage("server");
  server = (await docker(["run", "--detach", "--label", label, "--cap-add", "NET_ADMIN", "--entrypoint", "sleep", image, "infinity"])).trim();
  await inside("apt-get -qq --yes --no-install-recommends install docker-compose docker-cli >/dev/null 2>&1 && mkdir -p /w /run/sshd && ssh-keygen -A", "", 240_000);
});
afterAll(async () => {
  if (server !== "") await docker.attempt(["rm", "--force", "--volumes", server]);
});

/** Run a shell line in the server; `/dev/stdin` is the text. Gives back standard output; throws with what it said when it fails. */
async function inside(line: string, input = "", timeoutMs = 60_000): Promise<string> {
  return await docker(["exec", "--interactive", server, "sh", "-euc", line], { input, timeoutMs });
}

const model = z.object({ name: z.string(), services: z.record(z.string(), z.looseObject({})) });

/** What Compose makes of a file, every profile included. */
async function composed(text: string): Promise<z.infer<typeof model>> {
  const answer = await inside("cat >/w/compose.yaml; docker-compose -f /w/compose.yaml --profile migrate --profile verify config --format json", text);
  return model.parse(JSON.parse(answer));
}

test.each(readdirSync(join(root, "compose")).filter((name) => name.endsWith(".yaml")))("docker compose accepts compose/%s", async (name) => {
  const { services } = await composed(readFileSync(join(root, "compose", name), "utf8"));
  expect(Object.keys(services)).toEqual(expect.arrayContaining(["redis", "postgres"]));
});

test("docker compose reads what was meant: limits, time spans, guard and health check", async () => {
  const { name, services } = await composed(toYaml(composeFile(stack({ app: { migrate: ["node", "migrate.js"] } }), sources)));
  expect(name).toBe("berth");
  expect(Object.keys(services).toSorted()).toEqual(["api", "migrate", "postgres", "proxy", "redis", "verify", "worker"]);
  expect(services["redis"]).toMatchObject({
    mem_limit: "536870912",
    memswap_limit: "536870912",
    cpu_shares: 4096,
    stop_grace_period: "30s",
    healthcheck: { start_period: "2m0s", start_interval: "1s", test: ["CMD-SHELL", 'REDISCLI_AUTH="$$(cat /run/secrets/redis_password)" timeout 3 redis-cli ping | grep -qx PONG'] },
    command: ["redis-server", "/usr/local/etc/redis/redis.conf", "--save", ""],
  });
  expect(services["api"]).toMatchObject({ depends_on: { redis: { condition: "service_healthy" }, postgres: { condition: "service_healthy" } } });
});

test("docker compose gives the application's settings as they were written", async () => {
  const env = { PRICE: "$5 ${HOME:-x} $$", YES: "yes", OCTAL: "012", DATE: "2001-01-01", EMPTY: "", QUOTES: `"it's"`, HASH: "a #b: c" };
  const { services } = await composed(toYaml(composeFile(stack({ app: { env } }), sources)));
  // `config` prints text for another reading: a `$` is doubled again.
  const wanted = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replaceAll("$", "$$$$")]));
  expect(services["api"]).toMatchObject({ environment: wanted });
});

test("cloud-init accepts the user data of a real stack", async () => {
  expect(await inside("cat >/w/user-data; cloud-init schema -c /w/user-data 2>&1", cloudInit(parseConfig(good())))).toContain("Valid schema");
});

test("sshd takes the drop-in, and its values win", async () => {
  const values = await inside("cat >/etc/ssh/sshd_config.d/10-berth.conf; sshd -t; sshd -T", setting("10-berth.conf"));
  expect(values.split("\n")).toEqual(expect.arrayContaining(["permitrootlogin no", "passwordauthentication no", "kbdinteractiveauthentication no", "maxstartups 60:30:120"]));
});

test("nft loads the host's table, and loads it again in its place", async () => {
  const listed = await inside("cat >/w/berth.nft; nft -f /w/berth.nft; nft -f /w/berth.nft; nft list table inet berth", nftTable(stack()));
  expect(listed.match(/chain input/g)).toHaveLength(1);
  expect(listed).toContain("tcp dport { 22, 80 } accept");
});

test("systemd finds nothing to say about the units", async () => {
  await inside("mkdir -p /opt/berth/scripts/current; printf '#!/bin/sh\\n' >/opt/berth/scripts/current/berth; chmod 0755 /opt/berth/scripts/current/berth");
  // Docker's unit comes with its package; the drop-in and the orders speak of it.
  await inside("printf '[Service]\\nExecStart=/bin/true\\n' >/etc/systemd/system/docker.service");
  const units = hostTree(stack(), "1").filter(({ path }) => path.startsWith("/etc/systemd/system/"));
  for (const { path, text } of units) await inside(`mkdir -p ${path.slice(0, path.lastIndexOf("/"))}; cat >${path}`, text);
  expect(await inside("systemd-analyze verify berth.service berth-volume.service berth-firewall.service docker.service 2>&1")).toBe("");
});

/** Text of the one host setting whose path ends so. */
function setting(end: string): string {
  return hostTree(stack(), "1").find(({ path }) => path.endsWith(end))?.text ?? "";
}

test("sysctl, tmpfiles, apt and Docker's settings parse", async () => {
  // --dry-run exists since systemd 256.
  await inside("cat >/w/tmpfiles.conf; systemd-tmpfiles --dry-run --create /w/tmpfiles.conf >/dev/null 2>&1", setting("tmpfiles.d/berth.conf"));
  expect(await inside("cat >/w/apt.conf; APT_CONFIG=/w/apt.conf apt-config dump Unattended-Upgrade", setting("52-berth-upgrades"))).toContain('Unattended-Upgrade::Package-Blacklist:: "^docker\\.io$";');
  expect(JSON.parse(setting("daemon.json"))).toMatchObject({ "live-restore": true });
  expect(setting("90-berth.conf").split("\n").filter((line) => line !== "" && !line.startsWith("#"))).toEqual(expect.arrayContaining([expect.stringMatching(/^[a-z0-9_.]+ = \d+$/)]));
});

test.each<[string, Parameters<typeof stack>[0]]>([
  ["without a domain", {}],
  ["with a domain", { domain: "app.example.com" }],
  ["with the API on two other nodes", { nodes: { main: { roles: ["proxy", "redis", "postgres", "worker"] }, api: { roles: ["api"], count: 2 } } }],
  ["with mail and the staging authority", { domain: "app.example.com", acme: { email: "ops@example.com", staging: true } }],
])("Caddy accepts the Caddyfile %s, and would not write it otherwise", async (_, over) => {
  const text = caddyfile(stack(over));
  const image = await ensureImage("caddy");
  const run = ["run", "--rm", "--interactive", "--label", label, "--env", "HOME=/tmp", "--entrypoint", "sh", image, "-euc"];
  await docker([...run, "cat >/tmp/C; caddy validate --config /tmp/C --adapter caddyfile"], { input: text });
  expect(`${await docker([...run, "cat >/tmp/C; caddy fmt /tmp/C || :"], { input: text })}\n`).toBe(text);
});
