import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Up } from "../../rehearsal/rehearsal.ts";
import { generateSecrets } from "../../src/config/generate.ts";
import { publicKey } from "../../src/config/keys.ts";
import { Secret } from "../../src/config/secret.ts";
import { runOverSsh } from "../../src/ssh.ts";
import { ask, containerIds, secretsIn, verify, whereSecretsMustNotBe } from "../../rehearsal/observe.ts";
import { noPulumi, notPassed, rehearsed, ROOT } from "../helpers/deployment.ts";
import { anonymous, changedLines, postJob, runnerFirewall, SERVER_URN, sudoCommands } from "../helpers/pulumi.ts";

/** A stack's life under Pulumi's own engine and Hetzner's provider: the tests are in its order, each on what the last one left. */
describe.skipIf(noPulumi !== undefined)(`under Pulumi's engine${noPulumi === undefined ? "" : `, ${noPulumi}`}`, () => {
  const rehearsal = rehearsed({ engine: "pulumi" });
  const STATEFUL = ["redis", "postgres", "proxy"];

  test("a bare server becomes a verified application, by a pipeline's machine that is let in for as long", async () => {
    await rehearsal.it.pulumi.configure(rehearsal.it.configWith());
    await runnerFirewall(rehearsal.it, "open");
    const up = await rehearsal.it.up();
    // The server was made with two firewalls; the next test sees that Pulumi looks for one.
    expect(rehearsal.it.api.books.firewalls.size).toBe(2);
    await runnerFirewall(rehearsal.it, "close");
    expect(rehearsal.it.api.books.firewalls.size).toBe(1);
    expect(notPassed(up.report)).toEqual([]);
    expect(up.outside.filter((check) => check.status !== "pass")).toEqual([]);
    expect(up.counters).toMatchObject({ updated: 0, unchanged: 0 });
    expect(up.sshConnections).toBeLessThanOrEqual(5);
  });

  test("a second up changes nothing, and nor does one after a refresh: what the nightly check of drift asks", async () => {
    const second = await rehearsal.it.up();
    expect(second.changes).toEqual([]);
    expect(second.counters).toMatchObject({ created: 0, updated: 0 });
    expect(second.sshConnections).toBe(0);

    // Exits 1 when anything would change.
    await rehearsal.it.pulumi.preview(rehearsal.it.configWith(), ["--refresh", "--expect-no-changes"]);
    // The guard rails, with every value known: a first preview cannot know them all.
    const { text } = await rehearsal.it.pulumi.preview(rehearsal.it.configWith(), ["--policy-pack", join(ROOT, "policy")]);
    expect(text).toMatch(/berth@v\d/);
    expect(text).not.toMatch(/\[(mandatory|advisory)\]/);
    await rehearsal.it.pulumi.refresh();
    const third = await rehearsal.it.up();
    expect(third.changes).toEqual([]);
  });

  test("the preview of a memory limit shows the lines of the Compose file, and of nothing else that a person reads", async () => {
    const { text, changes } = await rehearsal.it.pulumi.preview(rehearsal.it.configWith({ "worker.memoryMb": 640 }));
    expect(changes.map(({ op, name }) => `${op} ${name}`)).toEqual(["update host-files", "update release", "update probe"]);
    // The limits, what is derived from them, and the digests by which the host knows that something changed.
    expect(changedLines(text).map((line) => line.replaceAll(/[0-9a-f]{12}/g, "DIGEST"))).toEqual([
      "-release='/opt/berth/releases/DIGEST'",
      "+release='/opt/berth/releases/DIGEST'",
      "-put 0644 0:0 '/opt/berth/files/DIGEST-expect.json' <<'END_OF_FILE'",
      "+put 0644 0:0 '/opt/berth/files/DIGEST-expect.json' <<'END_OF_FILE'",
      '-    "worker": 536870912,',
      '+    "worker": 671088640,',
      '-    tmpfs: ["/tmp:mode=1777,size=256m"]',
      '+    tmpfs: ["/tmp:mode=1777,size=320m"]',
      "-    mem_limit: 512m",
      "-    memswap_limit: 512m",
      "+    mem_limit: 640m",
      "+    memswap_limit: 640m",
      "-        source: /opt/berth/files/DIGEST-expect.json",
      "+        source: /opt/berth/files/DIGEST-expect.json",
      "-BERTH_RELEASE='DIGEST'",
      "+BERTH_RELEASE='DIGEST'",
    ]);
    const [, shown = ""] = (await readFile(join(ROOT, "docs/preview.md"), "utf8")).split(/^```\n/m);
    expect(anonymous(text), "docs/preview.md shows it as it comes out").toBe(anonymous(shown));
    expect(secretsIn(rehearsal.it, text)).toEqual([]);
    await rehearsal.it.pulumi.configure(rehearsal.it.configWith());
  });

  test("a new application image changes the files, the release and the probe", async () => {
    const before = await containerIds(rehearsal.it);
    const up = await rehearsal.it.up({ "app.image": await rehearsal.it.appImage("2") });
    expect(up.changes.map(({ op, name }) => `${op} ${name}`)).toEqual(["update host-files", "update release", "update probe"]);
    expect(up.sshConnections).toBeLessThanOrEqual(3);
    expect((await ask(rehearsal.it, "/")).body).toMatchObject({ version: "2" });
    const after = await containerIds(rehearsal.it);
    for (const service of STATEFUL) expect(after[service], service).toBe(before[service]);
  });

  test("a verification that failed: the update fails, the next one tries again; its configuration taken back, the host is told again", async () => {
    const before = rehearsal.it.configWith();
    const releases = async (): Promise<string[]> => (await sudoCommands(rehearsal.it)).filter((it) => it.includes("berth release "));
    const from = (await releases()).length;
    // Nothing of the failed release is recorded as done: the same settings again are not "no change".
    for (const attempt of [1, 2]) await expect(rehearsal.it.up({ "app.heartbeatKey": "nobody:renews", "verify.settleSeconds": 5 }), `attempt ${attempt}`).rejects.toThrow(/berth release/);
    const tried = (await releases()).slice(from);
    expect(tried).toHaveLength(2);
    expect(tried[1]).toBe(tried[0]);
    await rehearsal.it.pulumi.configure(before);
    const back = await rehearsal.it.up();
    expect(back.changes.map(({ op, name }) => `${op} ${name}`)).toEqual(expect.arrayContaining(["update host-files", "update release"]));
    expect(back.report.verdict).toBe("pass");
  });

  test("a changed host setting arrives on the living server", async () => {
    const { serverId } = rehearsal.it;
    const file = "/etc/apt/apt.conf.d/52-berth-upgrades";
    const before = await rehearsal.it.exec(["cat", file]);
    const up = await rehearsal.it.up({ "host.unattendedUpgrades": false });
    expect(up.changes.map(({ op, name }) => `${op} ${name}`)).toEqual(["update host-files", "update release", "update probe"]);
    expect((await rehearsal.it.attempt(["cat", file])).stdout).not.toBe(before);
    expect(rehearsal.it.serverId).toBe(serverId);
  });

  test("the deploy key rotated with two keys at once: added, switched, dropped; somebody is let in at every step, and the old key no longer at the end", async () => {
    const old = rehearsal.it.secrets.deployKey;
    const next = generateSecrets().deployKey;
    const letIn = (privateKey: string): Promise<boolean> => runOverSsh({ ...rehearsal.it.sshTarget, privateKey }, "true").then(({ code }) => code === 0, () => false);
    const { serverId } = rehearsal.it;
    const named = (up: Up): string[] => up.changes.map(({ op, name }) => `${op} ${name.replace(/^server-[0-9a-f]{8}$/, "key")}`);
    const before = await containerIds(rehearsal.it);

    expect(named(await rehearsal.it.up({ "secrets.nextDeployKey": next })).toSorted()).toEqual(["create key", "update host-files", "update release"]);
    expect([await letIn(old), await letIn(next)]).toEqual([true, true]);
    // Every command signs in with another key, so every one is run again; at Hetzner nothing changes.
    const switched = named(await rehearsal.it.up({ "secrets.deployKey": next, "secrets.nextDeployKey": undefined, "secrets.previousDeployKey": old }));
    expect(switched.toSorted()).toEqual(["update host-files", "update host-secrets", "update host-verifier", "update release"]);
    expect([await letIn(old), await letIn(next)]).toEqual([true, true]);
    expect(named(await rehearsal.it.up({ "secrets.previousDeployKey": undefined })).toSorted()).toEqual(["delete key", "update host-files", "update release"]);
    expect([await letIn(old), await letIn(next)]).toEqual([false, true]);

    expect(rehearsal.it.serverId).toBe(serverId);
    expect(await containerIds(rehearsal.it)).toEqual(before);
    expect([...rehearsal.it.api.books.sshKeys.values()].map((it) => it.publicKey)).toEqual([publicKey(new Secret(next))]);
  });

  test("another server type: the application is stopped in order, the server resized, also when Hetzner has no room at first, and all is up again by itself", async () => {
    const { serverId, address } = rehearsal.it;
    const job = await postJob(rehearsal.it);
    const before = await sudoCommands(rehearsal.it);
    const present = rehearsal.it.configWith();
    // What can be known is refused before anything is touched; that there is no room is known once the power is off.
    await expect(rehearsal.it.pulumi.preview(rehearsal.it.configWith({ "server.type": "cax31", "app.architectures": ["arm"] }))).rejects.toThrow(/required a type of architecture x86, which server berth-rehearsal has/);
    rehearsal.it.api.faults.next("POST /servers/{id}/actions/change_type", { code: "resource_unavailable" });
    await expect(rehearsal.it.up({ "server.type": "cx43" })).rejects.toThrow(/Hetzner has left server berth-rehearsal powered off, and the application is down/);
    const { changes } = await rehearsal.it.pulumi.preview(present);
    // Pulumi updates once more what failed; the provider finds nothing to do.
    expect(changes.map(({ name, diffs }) => ({ name, diffs })), "back to what it is: nothing changes").toEqual([{ name: "server", diffs: [] }]);
    // The same command again goes on.
    const up = await rehearsal.it.up({ "server.type": "cx43" });
    // What came up by itself after the boot is verified.
    expect(up.changes.map(({ op, name, diffs }) => ({ op, name, diffs }))).toEqual([{ op: "update", name: "server", diffs: ["serverType"] }, { op: "update", name: "release", diffs: ["stdin"] }]);
    expect(up.report.verdict).toBe("pass");
    expect([rehearsal.it.serverId, rehearsal.it.address]).toEqual([serverId, address]);
    const asked = (await sudoCommands(rehearsal.it)).slice(before.length);
    expect(asked).toContain("/usr/bin/systemctl stop berth.service");
    expect(asked.filter((it) => it.includes("berth release "))).toHaveLength(1);
    await expect.poll(async () => (await ask(rehearsal.it, "/readyz").catch(() => ({ status: 0 }))).status, { timeout: 120_000, interval: 1_000 }).toBe(200);
    // Hetzner cuts the power: without the orderly stop, Postgres would have had to recover.
    const postgres = await rehearsal.it.exec(["sh", "-c", "docker logs berth-postgres-1 2>&1"]);
    expect(postgres.match(/database system is ready to accept connections/g)?.length).toBeGreaterThan(1);
    expect(postgres).not.toMatch(/not properly shut down|automatic recovery/);
    expect(notPassed(await verify(rehearsal.it))).toEqual([]);
    expect((await ask(rehearsal.it, `/jobs/${job}`)).body).toMatchObject({ id: job });
  });

  test("another host key stops the update before anything is said to the host", async () => {
    const sessions = async (): Promise<number> => (await sudoCommands(rehearsal.it)).length;
    const key = "/etc/ssh/ssh_host_ed25519_key";
    const good = await rehearsal.it.exec(["cat", key]);
    const before = await sessions();
    await rehearsal.it.exec(["sh", "-c", `rm ${key} && ssh-keygen -q -t ed25519 -N '' -f ${key} && systemctl restart ssh`]);
    try {
      await expect(rehearsal.it.up({ "worker.memoryMb": 640 })).rejects.toThrow(/host key/i);
      expect(await sessions()).toBe(before);
    } finally {
      await rehearsal.it.exec(["sh", "-c", `cat >${key} && systemctl restart ssh`], { input: good });
    }
    // Nothing was recorded as done that was not.
    const again = await rehearsal.it.up({ "worker.memoryMb": 640 });
    expect(again.changes.map(({ name }) => name)).toEqual(["host-files", "release", "probe"]);
    expect(notPassed(again.report)).toEqual([]);
  });

  test("a server replaced on purpose: its address and its data are the same, and everything is laid down and verified again", async () => {
    const { serverId, address, volumeId } = rehearsal.it;
    const job = await postJob(rehearsal.it);
    await rehearsal.it.pulumi.run(["state", "taint", SERVER_URN, "--yes"]);
    const up = await rehearsal.it.up();
    expect(rehearsal.it.serverId).not.toBe(serverId);
    expect([rehearsal.it.address, rehearsal.it.volumeId]).toEqual([address, volumeId]);
    expect(notPassed(up.report)).toEqual([]);
    expect((await ask(rehearsal.it, `/jobs/${job}`)).body).toMatchObject({ id: job });
    expect((await rehearsal.it.up()).changes).toEqual([]);
  });

  test("planted secrets are in no state, event, preview or log, and nowhere on the host", async () => {
    const rotation = await rehearsal.it.pulumi.preview(rehearsal.it.configWith({ "secrets.redisPassword": "another-password" }));
    expect(rotation.changes.map(({ op, name }) => `${op} ${name}`)).toEqual(["update host-files", "update host-secrets", "update release", "update probe"]);
    const places = {
      ...(await whereSecretsMustNotBe(rehearsal.it)),
      "state, present and past": await rehearsal.it.pulumi.state(),
      "engine events": await rehearsal.it.pulumi.events(),
      "stack settings": await rehearsal.it.pulumi.settings(),
      preview: rotation.text,
    };
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, `${place} was looked at`).toBeGreaterThan(0);
      expect(secretsIn(rehearsal.it, text), place).toEqual([]);
    }
    expect(places.preview).not.toContain("another-password");
  });

  test("destroy keeps the volume; a stack that adopts it by id has the data", async () => {
    const { volumeId } = rehearsal.it;
    const job = await postJob(rehearsal.it);
    await rehearsal.it.pulumi.destroy();
    const { servers, volumes, primaryIps, firewalls, sshKeys } = rehearsal.it.api.books;
    expect([servers, primaryIps, firewalls, sshKeys].map((kind) => kind.size)).toEqual([0, 0, 0, 0]);
    expect([...volumes.keys()]).toEqual([volumeId]);

    const up = await rehearsal.it.up({ "volume.id": volumeId });
    expect([...volumes.keys()]).toEqual([volumeId]);
    expect(notPassed(up.report)).toEqual([]);
    expect((await ask(rehearsal.it, `/jobs/${job}`)).body).toMatchObject({ id: job });
    expect((await rehearsal.it.up()).changes).toEqual([]);
    await rehearsal.it.pulumi.preview(rehearsal.it.configWith(), ["--refresh", "--expect-no-changes"]);
  });

  test("destroy with a refresh works when the server is gone already", async () => {
    const { volumeId } = rehearsal.it;
    await fetch(`${rehearsal.it.api.url}/servers/${rehearsal.it.serverId}`, { method: "DELETE", headers: { authorization: `Bearer ${rehearsal.it.api.token}` } });
    await expect.poll(() => rehearsal.it.api.books.servers.size, { timeout: 60_000 }).toBe(0);
    // Without a refresh Hetzner's provider asks for what is not there, and fails: the state must hear of it first.
    await rehearsal.it.pulumi.destroy(undefined, ["--refresh"]);
    const { servers, volumes, primaryIps, firewalls, sshKeys } = rehearsal.it.api.books;
    expect([servers, primaryIps, firewalls, sshKeys].map((kind) => kind.size)).toEqual([0, 0, 0, 0]);
    expect([...volumes.keys()]).toEqual([volumeId]);
  });
});
