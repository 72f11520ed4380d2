import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CloudApi } from "../../rehearsal/cloud/api.ts";
import { onPath } from "../../rehearsal/engine/choice.ts";
import { PulumiEngine } from "../../rehearsal/engine/pulumi.ts";
import { asConfig, changed, type Settings } from "../../rehearsal/settings.ts";
import { generateSecrets } from "../../src/config/generate.ts";
import { ROOT } from "./deployment.ts";

/** A stack of Berth's `Server` and nothing on a host, by the real engine and provider: an update takes seconds. */
export interface LightStack {
  readonly engine: PulumiEngine;
  /** What the engine said in the end: the diagnostics when it failed, undefined when it did not. */
  readonly up: (changes?: Readonly<Record<string, unknown>>, args?: readonly string[]) => Promise<string | undefined>;
  readonly destroy: (args?: readonly string[]) => Promise<string | undefined>;
  readonly close: () => Promise<void>;
}

export async function lightStack(api: CloudApi, stack: string): Promise<LightStack> {
  const directory = await mkdtemp(join(tmpdir(), "berth-light-"));
  const workDir = join(directory, "engine");
  await mkdir(workDir);
  const settings: Settings = {
    server: { type: "cx33" }, ssh: { sources: ["203.0.113.7/32"] }, app: { image: "registry.example.com/app:1.4.2", queues: ["file"] }, secrets: { ...generateSecrets() },
  };
  const engine = await PulumiEngine.start({
    cli: onPath("pulumi") ?? "pulumi", root: ROOT, program: "test/rehearsal/engine/fixtures/server.ts", workDir, stack, endpoint: api.url, token: api.token, secretKeys: ["berth:secrets"],
  });
  const outcome = (work: Promise<unknown>): Promise<string | undefined> => work.then(() => undefined, (error: unknown) => (error instanceof Error ? error.message : String(error)));
  return {
    engine,
    up: (changes = {}, args = []) => outcome((async () => {
      await engine.configure({ ...asConfig(changed(settings, changes)), "hcloud:pollInterval": "50ms" });
      await engine.run(["up", "--yes", "--skip-preview", "--suppress-progress", ...args]);
    })()),
    destroy: (args = []) => outcome(engine.destroy(undefined, args)),
    close: () => rm(directory, { recursive: true, force: true }),
  };
}
