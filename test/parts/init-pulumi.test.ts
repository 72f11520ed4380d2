import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runPulumi } from "../../rehearsal/engine/pulumi-process.ts";
import { initOptions } from "../../src/cli/init-options.ts";
import { init } from "../../src/cli/init.ts";
import type { RunPulumi } from "../../src/cli/pulumi.ts";
import { noPulumi, ROOT } from "../helpers/deployment.ts";

/** `berth init` with the Pulumi CLI and a folder for a backend, as a first deployment begins. */
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(noPulumi !== undefined)(`a stack that is created${noPulumi === undefined ? "" : `, ${noPulumi}`}`, () => {
  let directory: string;
  const asked: string[] = [];
  const pulumi: RunPulumi = (args, stdin = "") => {
    asked.push(args.join(" "));
    const env = { PATH: process.env["PATH"], HOME: directory, PULUMI_HOME: join(directory, "home"), PULUMI_BACKEND_URL: `file://${join(directory, "state")}`, PULUMI_CONFIG_PASSPHRASE: "planted-4f1d", PULUMI_SKIP_UPDATE_CHECK: "true" };
    return runPulumi("pulumi", [...args, "--non-interactive"], { cwd: join(directory, "project"), env, stdin, onLine: () => undefined });
  };
  const run = (stack: string, ...more: string[]): Promise<number> => init(initOptions([stack, "--yes", ...more]), { pulumi, asker: undefined, env: {}, say: () => undefined });
  const settings = ["--server-type=cx33", "--ssh-source=198.51.100.7/32", "--image=ghcr.io/acme/app:1.0.0", "--queue=file"];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "berth-init-"));
    for (const folder of ["state", "home", "project"]) await mkdir(join(directory, folder));
    await cp(join(ROOT, "Pulumi.yaml"), join(directory, "project", "Pulumi.yaml"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  test("is made once, by whichever of its names, and complete", async () => {
    expect(await run("organization/berth/prod", "--create", ...settings)).toBe(0);
    const written = asked.length;
    for (const name of ["prod", "organization/prod"]) expect(await run(name, "--create", ...settings)).toBe(0);
    expect(asked.slice(written).filter((it) => /^stack|^config (?:set|rm)/.test(it)), "nothing is left to create or to write").toEqual([]);
  });

  test("without --create, and for an organisation that a folder has not got, it says so", async () => {
    await expect(run("staging", ...settings)).rejects.toThrow("opening stack staging: required a stack of that name; found prod; run `npx pulumi stack init staging`, or this with --create");
    await expect(run("acme/prod", "--create", ...settings)).rejects.toThrow("a backend that is a folder or a bucket has no organisations: give the stack's name alone, such as prod");
  });
});
