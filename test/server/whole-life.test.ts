import { existsSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { acts, Host, mustSucceed, verdict } from "./host.ts";

/** Releases after the first: what is kept, what stands, what a way back finds. */

const A = "aaaaaaaaaaaa";
const B = "bbbbbbbbbbbb";
const C = "cccccccccccc";
const D = "dddddddddddd";
const HOST_FAILS = verdict(11, '{"verdict":"fail"}');
const RELEASE_FAILS = (r12: string): string => verdict(10, '{"verdict":"fail"}', r12);

function secretOf(r12: string): string {
  return `/opt/berth/secrets/postgres-password-${r12}`;
}

/** Lay a release down with a secret of its own, all of it two hours old. */
function lay(host: Host, ...releases: readonly string[]): void {
  for (const r12 of releases) {
    host.lay(r12, { mounts: [secretOf(r12)] });
    host.write(secretOf(r12).slice(1), `password of ${r12}`);
    const past = Date.now() / 1000 - 7200;
    utimesSync(join(host.root, secretOf(r12)), past, past);
  }
}

async function released(...releases: readonly string[]): Promise<Host> {
  const host = new Host();
  for (const r12 of releases) {
    lay(host, r12);
    mustSucceed(await host.run(["release", r12]));
  }
  return host;
}

function laid(host: Host): Record<string, boolean> {
  return Object.fromEntries([A, B, C, D].map((r12) => [r12[0] ?? "", existsSync(join(host.root, secretOf(r12))) && host.read(`opt/berth/releases/${r12}/compose.yaml`) !== undefined]));
}

test("kept are the good release and the one before it; what both can do without goes, its secrets with it", async () => {
  const host = await released(A, B, C);
  expect(laid(host)).toEqual({ a: false, b: true, c: true, d: false });
});

test("a way back removes nothing: Pulumi takes the release left behind for laid, and a later one may lean on its secrets", async () => {
  const host = await released(A, B);
  const back = await host.run(["rollback"]);
  mustSucceed(back);
  expect(back.stderr).not.toContain("prune:");
  expect(laid(host)).toEqual({ a: true, b: true, c: false, d: false });
  // And after the next release it is the one asked for last that is kept: C mounts what B brought, and Pulumi did not lay it again.
  host.lay(C, { mounts: [secretOf(B)] });
  mustSucceed(await host.run(["release", C]));
  expect(existsSync(join(host.root, secretOf(B)))).toBe(true);
});

test("a failed release stays laid while an older one is made good by hand: the next attempt at it finds everything", async () => {
  const host = await released(A, B);
  lay(host, C);
  host.answer(RELEASE_FAILS(C));
  expect((await host.run(["release", C])).code).toBe(10);
  host.answer("");
  mustSucceed(await host.run(["rollback"]));
  expect(host.read("var/lib/berth/good")).toBe(`${A}\n`);
  mustSucceed(await host.run(["release", C]));
  expect(host.read("var/lib/berth/good")).toBe(`${C}\n`);
});

test("what was laid down and never tried goes after a day, when it cannot wait for its turn any more", async () => {
  const host = await released(A);
  lay(host, B, C);
  const past = Date.now() / 1000 - 2 * 86_400;
  utimesSync(join(host.root, "opt/berth/releases", B), past, past);
  lay(host, D);
  mustSucceed(await host.run(["release", D]));
  expect(laid(host)).toEqual({ a: true, b: false, c: true, d: true });
});

test("a release that mounts what is not there stops nothing, and says how it is laid down again", async () => {
  const host = await released(A);
  lay(host, B);
  host.remove(secretOf(B));
  const run = await host.run(["release", B]);
  expect(run.code).toBe(11);
  expect(acts(run.calls).filter((line) => line.startsWith("compose"))).toEqual([]);
  expect(run.stderr).toContain(`FAILED release.files: seen: not on this host: ${secretOf(B)}; expected: every file that compose.yaml of ${B} mounts`);
  expect(run.stderr).toContain("npx pulumi up --replace '**host-*'");
  expect(run.stderr).toContain(`runs now  ${A}, as before: nothing of the application was touched\n`);
});

test("a way back whose files are gone is not begun: the application is stopped instead of replaced by nothing", async () => {
  const host = await released(A);
  lay(host, B);
  host.remove(secretOf(A));
  host.answer(RELEASE_FAILS(B));
  const run = await host.run(["release", B]);
  expect(run.code).toBe(10);
  expect(run.stderr).toContain(`rollback: not possible: not on this host any more: ${secretOf(A)}`);
  expect(acts(run.calls)).toContain(`compose ${B}: stop proxy api worker`);
  // Its application stepped aside, because its passwords change; nothing of it is started again.
  expect(acts(run.calls).filter((line) => line.startsWith(`compose ${A}`))).toEqual([`compose ${A}: stop api worker`]);
});

test("after the host's failure the new release stands: a reboot brings it up, and berth verify judges it and marks it good", async () => {
  const host = await released(A);
  lay(host, B);
  host.answer(HOST_FAILS);
  expect((await host.run(["release", B])).code).toBe(11);
  const status = await host.run(["status"]);
  expect(status.stdout.replace(/\s+/g, " ")).toContain(`runs ${B}, not marked good: it came up, but its verification failed because of the host. It stays, also across a reboot.`);
  expect(status.stdout).toMatch(/^last verdict +failed: the host was the cause/m);
  const boot = await host.run(["boot"]);
  mustSucceed(boot);
  expect(acts(boot.calls)[0]).toContain(`compose ${B}: up`);
  expect((await host.run(["verify"])).code).toBe(11);
  expect(host.read("var/lib/berth/good")).toBe(`${A}\n`);
  host.answer("");
  mustSucceed(await host.run(["verify"]));
  expect(host.read("var/lib/berth/good")).toBe(`${B}\n`);
  expect(host.read("var/lib/berth/good.history")).toBe(`${A}\n${B}\n`);
});

test("… the way back from it leads to the good release, not past it", async () => {
  const host = await released(A, B);
  lay(host, C);
  host.answer(HOST_FAILS);
  await host.run(["release", C]);
  host.answer("");
  const back = await host.run(["rollback"]);
  mustSucceed(back);
  expect(back.stderr).toContain(`rollback: from ${C} to ${B}; migrations are not undone`);
  expect(host.read("var/lib/berth/chosen")).toBe(`${B}\n`);
});

test("… and a first release that only the host failed is up again after a reboot", async () => {
  const host = new Host();
  lay(host, A);
  host.answer(HOST_FAILS);
  expect((await host.run(["release", A])).code).toBe(11);
  expect(acts((await host.run(["boot"])).calls)[0]).toContain(`compose ${A}: up`);
});

test("a way back that was asked for before another release came through is refused", async () => {
  const host = await released(A, B, C);
  const run = await host.run(["transact", B, "--back", A]);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain(`rollback: required: ${A} runs, as when this was asked for; found: ${C}.`);
  expect(acts(run.calls)).toEqual([]);
  expect(host.read("var/lib/berth/good")).toBe(`${C}\n`);
});

test("an attempt that waits for its turn leaves the last report alone; the verdict that status shows is the one of the table", async () => {
  const host = await released(A);
  host.answer(verdict(10, '{"verdict":"fail"}'));
  expect((await host.run(["verify"])).code).toBe(10);
  const status = await host.run(["status"]);
  expect(status.stdout).toMatch(/^last verdict +failed: the release was the cause/m);
  // `exit` is the attempt's own, whatever a later verification says.
  expect(host.read(`var/lib/berth/results/${A}/exit`)).toBe("0\n");
});

test("the scripts of a release are in their place when its settings are, and give way with them", async () => {
  const host = await released(A);
  host.copyScripts("bcbcbcbcbcbc");
  host.lay(B, { env: { BERTH_SCRIPTS: "bcbcbcbcbcbc" } });
  host.answer(RELEASE_FAILS(B));
  expect(host.scriptsInPlace()).toBe("abcabcabcabc");
  expect((await host.run(["release", B], {}, "bcbcbcbcbcbc")).code).toBe(10);
  expect(host.scriptsInPlace()).toBe("abcabcabcabc");
  host.answer("");
  mustSucceed(await host.run(["release", B], {}, "bcbcbcbcbcbc"));
  expect(host.scriptsInPlace()).toBe("bcbcbcbcbcbc");
  mustSucceed(await host.run(["rollback"]));
  expect(host.scriptsInPlace()).toBe("abcabcabcabc");
});

test("no release holds the lock for longer than the next one waits for it", async () => {
  const run = await new Host().sourced('echo "$HOLD_SECONDS $OUTLAST_SECONDS"');
  const [hold = 0, outlast = 0] = run.split(" ").map(Number);
  // Waiting for an earlier attempt's migration, and then the release's own: 900 s each.
  expect(hold).toBeGreaterThan(1800);
  expect(outlast).toBeGreaterThan(hold);
});
