import { createHash } from "node:crypto";
import { withCacheLock } from "./cache.ts";
import type { Docker } from "./docker/docker.ts";
import { reachableDocker } from "./docker/ensure.ts";
import type { Log } from "./docker/exec.ts";
import { buildFromDebian } from "./images/build.ts";
import { buildServerOnOfficial } from "./images/official-server.ts";
import { tryPull } from "./images/pull.ts";
import { DEBIAN_RELEASE, type ImageName, type Recipe, RECIPES } from "./images/recipes.ts";

export type { ImageName } from "./images/recipes.ts";

export interface EnsureImageOptions {
  /** By default the daemon that answers now. */
  readonly docker?: Docker;
  readonly log?: Log;
}

/**
 * A local tag of an image with the official one's interface: the official image where its registry answers, else one built from
 * Debian's packages. Tags carry a hash of the recipe, so what was built is used again until the recipe changes.
 */
export async function ensureImage(name: ImageName, options: EnsureImageOptions = {}): Promise<string> {
  const docker = options.docker ?? (await reachableDocker());
  const log = options.log ?? (() => undefined);
  const recipe = RECIPES[name];
  const official = imageTag(name, recipe, "official");
  const built = imageTag(name, recipe, "debian");
  return await withCacheLock(`image-${name}`, async () => {
    for (const tag of [official, built]) {
      if ((await docker.attempt(["image", "inspect", tag])).code === 0) {
        log(`image ${name}: ${tag === official ? `official ${recipe.official ?? `on debian:${DEBIAN_RELEASE}`}` : "built from Debian's packages"}, from the cache`);
        return tag;
      }
    }
    const started = performance.now();
    const base = recipe.official ?? `debian:${DEBIAN_RELEASE}`;
    if (await tryPull(docker, base, log)) {
      if (recipe.official === null) await buildServerOnOfficial(docker, recipe, base, official);
      else await docker(["tag", base, official]);
      log(`image ${name}: official ${base}, ${await costs(docker, official, started)}`);
      return official;
    }
    // One at a time, whoever asks: a build keeps a core and the disk busy.
    await withCacheLock("image-build", () => buildFromDebian(docker, recipe, built, log));
    await forgetOld(docker, name);
    log(`image ${name}: built from Debian's packages, ${await costs(docker, built, started)}`);
    return built;
  });
}

/** Tag that a recipe's image has: `berth-rehearsal/NAME:WAY-HASH`. */
export function imageTag(name: ImageName, recipe: Recipe, way: "official" | "debian"): string {
  const content = way === "official" && recipe.official !== null ? recipe.official : JSON.stringify({ release: DEBIAN_RELEASE, ...recipe });
  return `berth-rehearsal/${name}:${way}-${createHash("sha256").update(content).digest("hex").slice(0, 12)}`;
}

const WEEK_MS = 7 * 24 * 3_600_000;

/** Remove this image's tags that are a week old: of recipes that changed. A younger one may be another checkout's. */
async function forgetOld(docker: Docker, name: ImageName): Promise<void> {
  const listed = await docker(["images", "--format", "{{.Repository}}:{{.Tag}}", `berth-rehearsal/${name}`]);
  for (const tag of listed.split("\n").filter((line) => line !== "")) {
    const created = await docker.attempt(["image", "inspect", "--format", "{{.Created}}", tag]);
    if (Date.now() - Date.parse(created.stdout) > WEEK_MS) await docker.attempt(["rmi", tag]);
  }
}

async function costs(docker: Docker, tag: string, started: number): Promise<string> {
  const bytes = Number(await docker(["image", "inspect", "--format", "{{.Size}}", tag]));
  return `${Math.round(bytes / 1_000_000)} MB, ${((performance.now() - started) / 1000).toFixed(1)} s`;
}
