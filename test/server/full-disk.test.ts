import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { acts, type Host, living, mustSucceed, verdict } from "./host.ts";

const A = "aaaaaaaaaaaa";
const B = "bbbbbbbbbbbb";

describe("a full disk is the host's: nothing is rolled back", () => {
  const FULL = "write /var/lib/docker/x: no space left on device";
  const state = (host: Host, path: string): string | undefined => host.read(`var/lib/berth/${path}`);

  test("no verifier can be started", async () => {
    const host = await living(A);
    host.lay(B);
    host.answer(`*" verify") echo "${FULL}" >&2; exit 1 ;;`);
    const run = await host.run(["release", B]);
    expect(run.code).toBe(11);
    expect(run.stderr).toContain("FAILED verify.run: seen: the disk of the host is full: no verifier could be started: ");
    expect(run.stderr).not.toContain("verify.image");
    expect([state(host, "good"), state(host, "chosen")]).toEqual([`${A}\n`, `${B}\n`]);
    expect(acts(run.calls).filter((line) => line.startsWith(`compose ${A}`))).toEqual([]);
  });

  test("the verdict cannot be written: it is kept in memory until it can, and said", async () => {
    const host = await living(A);
    host.lay(B);
    for (const name of ["report.json", "table.txt", "verdict", "exit"]) host.full(`var/lib/berth/results/${B}/${name}`);
    for (const name of ["chosen", "laid"]) host.full(`var/lib/berth/${name}`);
    host.answer(`*" verify") for word; do case $word in *:/run/berth) touch "\${word%:/run/berth}/settled" ;; esac; done
      cat >/dev/null; echo "FAIL  host.disk (host)" >&2; echo '{"version":1,"verdict":"fail","cause":"host"}'; exit 11 ;;`);
    const run = await host.run(["release", B]);
    expect(run.code).toBe(11);
    expect(run.stderr).toMatch(/FAILED, because of the host\n +failed +host\.disk\n/);
    expect(run.stderr.replaceAll(/\n +/g, " ")).toContain(`A reboot brings ${A}, as the disk is full, up again`);
    expect(state(host, `results/${B}/report.json`)).toBeUndefined();
    expect((await host.run(["status"])).stdout).toMatch(new RegExp(`runs +${B}, not marked good[^]*last verdict +failed: the host was the cause[^]*not passed +host\\.disk`));
    // There is room again.
    host.answer("");
    mustSucceed(await host.run(["verify"]));
    expect([state(host, "good"), state(host, "chosen"), state(host, `results/${B}/report.json`)]).toEqual([`${B}\n`, `${B}\n`, '{"version":1,"verdict":"pass"}\n']);
    expect((await host.run(["status"])).stdout).toMatch(/last verdict +verified/);
  });

  test("the migration has no room: what ran runs on", async () => {
    const host = await living(A);
    host.lay(B);
    host.answer(`*" run --rm -T migrate") echo "${FULL}"; exit 1 ;;`);
    const run = await host.run(["release", B]);
    expect(run.code).toBe(11);
    expect(JSON.parse(state(host, `results/${B}/report.json`) ?? "")).toMatchObject({ cause: "host", checks: [{ id: "release.migrate" }] });
    expect(state(host, "chosen")).toBe(`${A}\n`);
    expect(acts(run.calls).filter((line) => line.includes("up --detach") && !line.endsWith("redis postgres"))).toEqual([]);
  });

  test("an image has no room: nothing is touched", async () => {
    const host = await living(A);
    host.lay(B, { env: { BERTH_IMAGES: "app:2" } });
    host.answer(`*"image inspect"*) exit 1 ;;\n  "docker pull "*) echo "failed to register layer: ${FULL}" >&2; exit 1 ;;`);
    const run = await host.run(["release", B]);
    expect(run.code).toBe(11);
    expect(run.stderr).toContain("FAILED release.images: seen: could not fetch app:2: the disk of the host is full: failed to register layer");
    expect(acts(run.calls).filter((line) => line.includes("up --detach"))).toEqual([]);
  });

  test.each([[0, 11], [4096, 10]])("what does not run could not be made; %i bytes are left: %i", async (bytes, code) => {
    const host = await living(A);
    host.lay(B);
    host.write("fake/bin/df", `#!/bin/sh\necho Avail; echo ${bytes}\n`);
    chmodSync(join(host.root, "fake/bin/df"), 0o755);
    host.answer(`*${B}*" up "*) echo "${FULL}" >&2; exit 1 ;;\n  ${verdict(10, '{"verdict":"fail","cause":"release","checks":[]}', B)}`);
    expect((await host.run(["release", B])).code).toBe(code);
  });
});
