import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stopSeconds } from "../../src/compose/periods.ts";
import { stopBoundSeconds, stopCommand } from "../../src/resources/resize.ts";
import { stack } from "../helpers/stack.ts";

/** Says what it was asked; its answers to `docker ps` are lines of a file, one a turn; without a line Docker does not answer. */
const SUDO = `#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >>asked
[ "$1" = docker ] || exit 0
[ -s answers ] || exit 1
head -n 1 answers | sed '/^none$/d'
sed -i 1d answers
`;

async function stopped(...answers: readonly string[]): Promise<{ code: number; stderr: string; asked: string[] }> {
  const bin = mkdtempSync(join(tmpdir(), "berth-resize-"));
  onTestFinished(() => rmSync(bin, { recursive: true }));
  writeFileSync(join(bin, "sudo"), SUDO);
  chmodSync(join(bin, "sudo"), 0o755);
  writeFileSync(join(bin, "answers"), answers.map((line) => `${line}\n`).join(""));
  return await new Promise((resolve) => {
    execFile("sh", ["-c", stopCommand("shop")], { env: { PATH: `${bin}:${process.env["PATH"] ?? ""}` } }, (error, _, stderr) => {
      const asked = readFileSync(join(bin, "asked"), "utf8").trim().split("\n").filter((line) => !line.startsWith("docker"));
      resolve({ code: error === null ? 0 : Number(error.code), stderr, asked });
    });
  });
}

const UNIT = "systemctl stop berth.service";
const STOP = "/opt/berth/scripts/current/berth stop";

test("stopped by its unit: nothing more is done", async () => {
  expect(await stopped("none")).toEqual({ code: 0, stderr: "", asked: [UNIT] });
});

test("a unit that was not active stops nothing: the containers are stopped in order all the same", async () => {
  expect(await stopped("shop-redis-1", "none")).toEqual({ code: 0, stderr: "", asked: [UNIT, STOP] });
});

test("what still runs then is named, and the resize does not happen", async () => {
  expect(await stopped("shop-worker-1", "shop-worker-1")).toEqual({ code: 1, stderr: "still running: shop-worker-1\n", asked: [UNIT, STOP] });
});

test("a Docker that does not answer is no proof that nothing runs", async () => {
  expect((await stopped()).code).toBe(1);
});

test("the bound is above both stops with the longest grace period that a configuration may have", () => {
  expect(stopBoundSeconds(stack())).toBeGreaterThan(2 * stopSeconds(stack({ worker: { stopGraceSeconds: 900 } })));
});
