import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { awaitFirstBoot } from "../../src/host/first-boot.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-first-boot-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** As sent to the host, with a cloud-init that ends like this, and a document behind it. */
function boot(waited: number): { status: number | null; stdout: string; stderr: string } {
  mkdirSync(join(root, "bin"));
  mkdirSync(join(root, "var/log"), { recursive: true });
  writeFileSync(join(root, "var/log/cloud-init-output.log"), LOG);
  writeFileSync(join(root, "bin/cloud-init"), `#!/bin/sh\n[ "$2" = --wait ] && exit ${waited}\nprintf 'status: error\\nerrors:\\n\\t- (package-update-upgrade-install)\\n'\nexit 1\n`, { mode: 0o755 });
  const env = { PATH: `${join(root, "bin")}${delimiter}${process.env["PATH"] ?? ""}`, BERTH_ROOT: root };
  return spawnSync("dash", ["-eu"], { input: `${awaitFirstBoot("server-worker")}echo laid down\n`, encoding: "utf8", env });
}

/** As a stand-in server wrote it, shortened. */
const LOG = `Cloud-init v. 25.1.4 running 'modules:final' at Mon, 23 Nov 2026 11:25:01 +0000. Up 2.36 seconds.
Get:1 http://mirror.example/debian trixie InRelease [140 kB]
Fetched 9820 kB in 6s (1575 kB/s)
Reading package lists...
Package docker.io is not available, but is referred to by another package.

E: Package 'docker.io' has no installation candidate
2026-11-23 11:25:10,798 - log_util.py[WARNING]: Failure when attempting to install packages: ['docker.io']
Cloud-init v. 25.1.4 finished at Mon, 23 Nov 2026 11:25:10 +0000. Datasource DataSourceNoCloud.  Up 12.63 seconds
ci-info: | ssh-ed25519 | fd:d2:52:03 |    -    |    -    |
<14>Nov 23 11:25:10 cloud-init: #############################
-----BEGIN SSH HOST KEY KEYS-----
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 root@server-----END SSH HOST KEY KEYS-----
`;

test.each([[0, "done"], [2, "a recoverable error"]])("exit code %d of cloud-init, %s: the document goes on", (code) => {
  expect(boot(code)).toMatchObject({ status: 0, stdout: "laid down\n", stderr: "" });
});

test("a failed first boot ends the document, with what it said last and what to do", () => {
  const { status, stdout, stderr } = boot(1);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatchInlineSnapshot(`
    "berth: first boot: required: it installs what Berth needs; found: it failed. It said last:
      Package docker.io is not available, but is referred to by another package.
      E: Package 'docker.io' has no installation candidate
      cloud-init: (package-update-upgrade-install)
    Mend what it says; a mirror or a network that was away: wait. Then make the server anew (address and data stay):
      npx pulumi up --replace '**server:Server::server-worker'
    "
  `);
});

test("one that goes on is not called failed", () => {
  const { status, stderr } = boot(124);
  expect(status).toBe(1);
  expect(stderr).toContain("required: it ends within 600 s; found: it goes on");
  expect(stderr).toContain("Run the same command again");
  expect(stderr).not.toContain("--replace");
});
