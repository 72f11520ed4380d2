import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Docker } from "../docker/docker.ts";
import type { Recipe } from "./recipes.ts";

const BUILD_TIMEOUT_MS = 900_000;

/** The stand-in server on top of the official Debian image, with the same packages and files as the one built without it. */
export async function buildServerOnOfficial(docker: Docker, recipe: Recipe, base: string, tag: string): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), "berth-image-"));
  try {
    const files = join(context, "files");
    for (const entry of recipe.files) {
      await mkdir(dirname(join(files, entry.path)), { recursive: true });
      await writeFile(join(files, entry.path), entry.text, { mode: Number.parseInt(entry.mode, 8) });
    }
    await writeFile(join(context, "steps.sh"), recipe.after);
    await writeFile(join(context, "Dockerfile"), serverDockerfile(recipe, base));
    await docker(["build", "--quiet", "--tag", tag, context], { timeoutMs: BUILD_TIMEOUT_MS });
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** Debian's image throws away what apt downloads (docker-clean); a server keeps it. */
export function serverDockerfile(recipe: Recipe, base: string): string {
  return [
    `FROM ${base}`,
    "COPY files/ /",
    "COPY steps.sh /tmp/steps.sh",
    "RUN rm -f /etc/apt/apt.conf.d/docker-* && rm -f /usr/sbin/policy-rc.d" +
      ` && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold ${recipe.packages.join(" ")}` +
      " && sh -eu /tmp/steps.sh && rm /tmp/steps.sh",
    ...recipe.config,
    "",
  ].join("\n");
}
