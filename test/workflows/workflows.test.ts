import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { onPath } from "../../rehearsal/engine/choice.ts";
import { firewall } from "../../src/cli/firewall.ts";
import { main } from "../../src/cli/main.ts";
import { Bench } from "../rehearsal/cloud/client.ts";

/** The pipeline's steps are commands that a person can run: each is looked up here, and what one machine can run is run. */
const ROOT = join(import.meta.dirname, "../..");
const WORKFLOWS = join(ROOT, ".github/workflows");
const ACTION = ".github/actions/setup/action.yml";

const step = z.strictObject({
  id: z.string().optional(),
  if: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
  shell: z.string().optional(),
  with: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const job = z.object({ steps: z.array(step), permissions: z.record(z.string(), z.string()), environment: z.string().optional(), "timeout-minutes": z.number() });
const workflow = z.object({ permissions: z.strictObject({}), concurrency: z.object({ group: z.string(), "cancel-in-progress": z.boolean() }), jobs: z.record(z.string(), job) });
const composite = z.object({ runs: z.object({ steps: z.array(step) }) });
const manifest = z.object({ scripts: z.record(z.string(), z.string()), dependencies: z.record(z.string(), z.string()) });

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const names = readdirSync(WORKFLOWS).toSorted();
const workflows = new Map(names.map((name) => [name, workflow.parse(parse(read(join(".github/workflows", name))))]));
const jobs = [...workflows].flatMap(([file, { jobs: all }]) => Object.entries(all).map(([name, it]) => ({ name: `${file} ${name}`, ...it })));
const steps = [...jobs.flatMap((it) => it.steps), ...composite.parse(parse(read(ACTION))).runs.steps];
const commands = [...new Set(steps.flatMap(({ run }) => (run === undefined ? [] : [run])))];
const { scripts, dependencies } = manifest.parse(JSON.parse(read("package.json")));

function theJob(file: string, name: string): z.infer<typeof job> {
  const found = workflows.get(file)?.jobs[name];
  if (found === undefined) throw new Error(`no job ${name} in ${file}`);
  return found;
}

/** Places in a job where a command stands whose text has these words in it. */
function at(it: z.infer<typeof job>, words: string): number {
  const found = it.steps.findIndex(({ run }) => run?.includes(words));
  if (found === -1) throw new Error(`no step runs ${words}`);
  return found;
}

test("there are steps to look at", () => {
  expect(names).toEqual(["deploy.yml", "drift.yml", "pull-request.yml"]);
  expect(commands.length).toBeGreaterThan(8);
});

describe("every command runs on a laptop too", () => {
  test.each(commands)("%s: one plain command of npm's or Pulumi's, so that it can be typed", (command) => {
    expect(command).toMatch(/^(npm (ci|test|run)|npx pulumi (up|preview))( [\w=:./-]+)*$/);
  });

  test.each(commands.filter((it) => it.startsWith("npm run ")))("%s: a script that package.json has", (command) => {
    expect(Object.keys(scripts)).toContain(command.split(" ")[2]);
  });

  test.each(commands.flatMap((it) => /^npm run berth -- (.*)$/.exec(it)?.[1] ?? []))("berth %s: a command that berth has", async (line) => {
    const shown = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    expect(await main([...line.split(" "), "--help"])).toBe(0);
    shown.mockRestore();
  });

  test.each(commands.filter((it) => it.startsWith("npx pulumi ")))("%s: a stack and a policy pack that are here", (command) => {
    expect(existsSync(join(ROOT, `Pulumi.${/--stack (\S+)/.exec(command)?.[1] ?? ""}.yaml`))).toBe(true);
    expect(existsSync(join(ROOT, /--policy-pack (\S+)/.exec(command)?.[1] ?? "", "PulumiPolicy.yaml"))).toBe(true);
  });

  test.skipIf(onPath("pulumi") === undefined)("and Pulumi knows its options (skipped without pulumi on PATH)", () => {
    for (const command of commands.filter((it) => it.startsWith("npx pulumi "))) {
      const [, , subcommand = "", ...args] = command.split(" ");
      const { stdout } = spawnSync(onPath("pulumi") ?? "", [subcommand, "--help"], { encoding: "utf8" });
      for (const option of args.filter((it) => it.startsWith("--"))) expect(stdout, `pulumi ${subcommand}`).toContain(option);
    }
  });

  test("the preview's step is a command that Pulumi has, with the pack that is here, by the CLI that package.json pins", () => {
    const using = steps.filter(({ uses }) => uses?.startsWith("pulumi/actions@"));
    expect(using).toHaveLength(3);
    for (const { with: given } of using) expect(given?.["pulumi-version"]).toBe(dependencies["pulumi"]);
    const [preview] = using.flatMap(({ with: given }) => (given?.["command"] === undefined ? [] : [given]));
    expect(preview).toMatchObject({ command: "preview", "stack-name": "prod", policyPacks: "policy", "comment-on-pr": true });
  });

  test("the firewall's commands, in the order they stand, leave nothing at Hetzner", async () => {
    const bench = await Bench.start();
    try {
      const config = JSON.stringify({ "hcloud:endpoint": { value: bench.api.url }, "hcloud:token": { value: bench.api.token } });
      const effects = { pulumi: () => Promise.resolve({ code: 0, stdout: config, stderr: "" }), env: {}, say: () => undefined, now: Date.now, address: () => Promise.resolve("203.0.113.9/32") };
      for (const { name, steps: own } of jobs) {
        const lines = own.flatMap(({ run }) => /berth -- firewall (.*)$/.exec(run ?? "")?.[1] ?? []);
        const open = lines.filter((line) => line.startsWith("open")).length;
        const seen: number[] = [];
        for (const line of lines) {
          expect(await firewall(line.split(" "), effects)).toBe(0);
          seen.push(bench.api.books.firewalls.size);
        }
        expect(seen.filter((count) => count > 0), name).toHaveLength(open);
        expect(bench.api.books.firewalls.size, name).toBe(0);
      }
    } finally {
      await bench.close();
    }
  });
});

describe("what a run may do", () => {
  test("every action of others is pinned to a commit, its version beside it", () => {
    const used = [...names.map((name) => read(join(".github/workflows", name))), read(ACTION)].flatMap((text) => [...text.matchAll(/uses: (.*)$/gm)].map(([, it]) => it ?? ""));
    expect(used.length).toBeGreaterThan(10);
    for (const it of used.filter((line) => !line.startsWith("./"))) expect(it).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    for (const it of used.filter((line) => line.startsWith("./"))) expect(existsSync(join(ROOT, it, "action.yml"))).toBe(true);
  });

  test("only what is named, and each job ends", () => {
    expect(Object.fromEntries(jobs.map(({ name, permissions }) => [name, Object.entries(permissions).map(([what, how]) => `${what}: ${how}`)]))).toEqual({
      "deploy.yml deploy": ["contents: read", "id-token: write"],
      "drift.yml drift": ["contents: read", "id-token: write"],
      "pull-request.yml check": ["contents: read"],
      "pull-request.yml rehearsal": ["contents: read"],
      "pull-request.yml test": ["contents: read"],
      "pull-request.yml preview": ["contents: read", "pull-requests: write", "id-token: write"],
    });
    // A firewall that a dead run left is taken away after two hours: no run may live as long.
    for (const it of jobs) expect(it["timeout-minutes"]).toBeLessThan(120);
  });

  test("secrets are handed to the steps that need them, in an environment of GitHub's, and never to npm ci", () => {
    for (const { name, steps: own, environment } of jobs) {
      const secret = own.filter(({ env, with: given }) => JSON.stringify([env, given]).includes("secrets."));
      expect(environment !== undefined, name).toBe(secret.length > 0);
      for (const it of secret) expect(it.uses === undefined || it.uses.startsWith("pulumi/actions@"), name).toBe(true);
    }
    expect(JSON.stringify(composite.parse(parse(read(ACTION))))).not.toContain("secrets.");
  });

  test("one run at a time on the production stack, and none is cut short", () => {
    const groups = ["deploy.yml", "drift.yml"].map((name) => workflows.get(name)?.concurrency);
    expect(groups).toEqual([{ group: "production", "cancel-in-progress": false }, { group: "production", "cancel-in-progress": false }]);
  });

  test("the firewall is opened for what needs it, and closed whatever happens", () => {
    const deploy = theJob("deploy.yml", "deploy");
    expect([at(deploy, "firewall open"), at(deploy, "pulumi up"), at(deploy, "firewall close")]).toEqual([3, 4, 5]);
    expect(deploy.steps[4]?.run, "Pulumi would see the open firewall as drift").not.toContain("--refresh");
    const drift = theJob("drift.yml", "drift");
    expect(at(drift, "--refresh")).toBeLessThan(at(drift, "firewall open"));
    for (const it of [deploy, drift]) expect(it.steps.at(-1)).toMatchObject({ if: "always()", run: "npm run berth -- firewall close --stack=prod" });
    // One that failed must not hide what the next would find.
    for (const words of ["berth -- verify", "berth -- probe"]) expect(drift.steps[at(drift, words)]?.if).toBe("${{ !cancelled() }}");
  });
});

test("actionlint finds nothing to mend (skipped where neither it nor Go can be had)", ({ skip }) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "scripts/lint-workflows.ts"], { cwd: ROOT, encoding: "utf8" });
  skip(status === 3, stderr);
  expect(`${stdout}${stderr}`).toBe("workflows: nothing to mend\n");
}, 300_000);
