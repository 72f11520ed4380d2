import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Docker } from "./docker/docker.ts";
import { run } from "./docker/exec.ts";
import { ensureImage } from "./images.ts";

const APP = fileURLToPath(new URL("../app", import.meta.url));

/** Build the reference application's image with its own Dockerfile; `version` is what it answers with. */
export async function buildAppImage(docker: Docker, version: string, log: (line: string) => void): Promise<string> {
  const node = await ensureImage("node", { docker, log });
  const tag = `berth-rehearsal/app:${version}`;
  await run([process.execPath, join(APP, "build.mjs")], { timeoutMs: 120_000 });
  await docker(["build", "--quiet", "--build-arg", `NODE_IMAGE=${node}`, "--build-arg", `VERSION=${version}`, "--tag", tag, APP], { timeoutMs: 300_000 });
  return tag;
}
