import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { rules } from "../../policy/rules.ts";
import { type CloudApi, startCloud } from "../../rehearsal/cloud/api.ts";
import { onPath } from "../../rehearsal/engine/choice.ts";
import { linkPlugins } from "../../rehearsal/engine/pulumi-plugins.ts";
import { generateSecrets } from "../../src/config/generate.ts";
import { FakeMachines } from "../rehearsal/cloud/fake-machines.ts";

vi.setConfig({ testTimeout: 300_000 });

/** The policy pack as Pulumi's own engine runs it. What each rule says of what is in test/resources/program.test.ts. */
const ROOT = join(import.meta.dirname, "../..");
const TOOLS = ["pulumi", "pulumi-language-nodejs", "pulumi-resource-hcloud", "pulumi-resource-command"];
const absent = TOOLS.filter((tool) => onPath(tool) === undefined);
const VIOLATING = { main: "test/parts/fixtures/violating.ts", runtime: { name: "nodejs", options: { typescript: false, nodeargs: "--import tsx" } } };
const missing = absent.length > 0 ? `skipped: not on PATH: ${absent.join(", ")}` : undefined;

describe.skipIf(missing !== undefined)(`the policy pack under Pulumi's engine${missing === undefined ? "" : `, ${missing}`}`, () => {
  let directory: string;
  let api: CloudApi;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "berth-policy-"));
    api = await startCloud({ machines: new FakeMachines(), ipv4Addresses: ["192.0.2.10"] });
    for (const name of ["backend", "home/plugins"]) await mkdir(join(directory, name), { recursive: true });
    await linkPlugins(join(directory, "home/plugins"), ROOT);
    for (const name of ["node_modules", "src", "runtime", "server", "policy", "test", "package.json", "tsconfig.json"]) await symlink(join(ROOT, name), join(directory, name));
    await cp(join(ROOT, "Pulumi.yaml"), join(directory, "Pulumi.yaml"));
    await pulumi(["stack", "init", "prod"]);
  });

  afterAll(async () => {
    await api.close();
    await rm(directory, { recursive: true, force: true });
  });

  function pulumi(args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
    const env = { ...process.env, PULUMI_HOME: join(directory, "home"), PULUMI_BACKEND_URL: `file://${join(directory, "backend")}`, PULUMI_CONFIG_PASSPHRASE: "test", PULUMI_SKIP_UPDATE_CHECK: "true" };
    return new Promise((resolve) => {
      execFile(onPath("pulumi") ?? "pulumi", [...args, "--non-interactive", "--color", "never"], { cwd: directory, env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), text: `${stdout}${stderr}` });
      });
    });
  }

  /** Preview a program (the deployment, unless told) with the production stack's settings, and its own on top. */
  async function preview(program: object = {}, change: Record<string, unknown> = {}): Promise<{ readonly code: number; readonly text: string }> {
    const { config } = parse(await readFile(join(ROOT, "Pulumi.prod.yaml"), "utf8")) as { config: Record<string, unknown> };
    const project = parse(await readFile(join(ROOT, "Pulumi.yaml"), "utf8")) as Record<string, unknown>;
    const settings = { ...config, "berth:secrets": generateSecrets(), "hcloud:endpoint": api.url, "hcloud:token": api.token, ...change };
    await writeFile(join(directory, "Pulumi.yaml"), JSON.stringify({ ...project, ...program }));
    await writeFile(join(directory, "Pulumi.prod.yaml"), JSON.stringify({ config: settings }));
    return pulumi(["preview", "--policy-pack", "policy", "--stack", "prod"]);
  }

  /** Names of the rules that a display says were violated, each as often as it was. */
  const violated = (text: string): string[] => [...text.matchAll(/- \[mandatory\] +([a-z-]+)/g)].map(([, name]) => name ?? "").toSorted();

  test("the production stack keeps every rule", async () => {
    const { code, text } = await preview();
    expect(text).toMatch(/berth@v1\.0\.0/);
    expect(violated(text)).toEqual([]);
    expect(text).not.toMatch(/advisory/);
    expect(code, text).toBe(0);
  });

  test("a program that breaks each rule once is refused for each", async () => {
    const { code, text } = await preview(VIOLATING);
    expect(code).not.toBe(0);
    expect(violated(text), text).toEqual(rules.map(({ name }) => name).toSorted());
  });

  test("the settings' own flag lets SSH be opened", async () => {
    const { text } = await preview(VIOLATING, { "berth:ssh": { sources: [], openToWorld: true } });
    expect(violated(text)).toEqual(rules.map(({ name }) => name).filter((name) => name !== "ssh-sources").toSorted());
  });
});
