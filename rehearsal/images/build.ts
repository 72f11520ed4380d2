import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheDirectory } from "../cache.ts";
import type { Docker } from "../docker/docker.ts";
import { programs } from "../docker/docker.ts";
import { type Log, run } from "../docker/exec.ts";
import { aptInstall } from "../docker/install.ts";
import { unmountBelow } from "../ledger/devices.ts";
import { aptFetchOptions, debianMirror } from "./debian.ts";
import { DEBIAN_RELEASE, type Recipe, UNREAD } from "./recipes.ts";

const BUILD_TIMEOUT_MS = 600_000;

/**
 * Build an image from Debian's packages and bring it into the daemon under `tag`. Needs root, for the new root's accounts and devices. Callers hold the lock `image-build`.
 */
export async function buildFromDebian(docker: Docker, recipe: Recipe, tag: string, log: Log): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error(`building ${tag} from Debian's packages: root is required. Run as root, or where docker can pull ${recipe.official ?? "debian"}`);
  }
  if (programs("mmdebstrap").length === 0) await aptInstall(["mmdebstrap"], log);
  // One build at a time: what lies here is of one that was killed.
  const work = cacheDirectory("build");
  await unmountBelow(work);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  // The new root's accounts must pass through it.
  await chmod(work, 0o755);
  try {
    const tar = join(work, "root.tar");
    await run(await mmdebstrapArguments(recipe, work, tar), { timeoutMs: BUILD_TIMEOUT_MS, env: { ...process.env, TMPDIR: work } });
    await run([docker.binary, "import", ...recipe.config.flatMap((line) => ["--change", line]), tar, tag], {
      timeoutMs: BUILD_TIMEOUT_MS,
      env: { ...process.env, ...docker.env },
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function mmdebstrapArguments(recipe: Recipe, work: string, tar: string): Promise<string[]> {
  const files = join(work, "files");
  await mkdir(files);
  for (const entry of recipe.files) {
    await mkdir(dirname(join(files, entry.path)), { recursive: true });
    await writeFile(join(files, entry.path), entry.text, { mode: Number.parseInt(entry.mode, 8) });
  }
  const script = async (name: string, text: string): Promise<string> => {
    const path = join(work, name);
    // mmdebstrap calls it with the new root as its argument; the steps run inside.
    await writeFile(path, `#!/bin/sh\nset -eu\ncp -a ${files}/. "$1"/\nchroot "$1" /bin/sh -eu <<'INSIDE'\n${text}\nINSIDE\n`, { mode: 0o755 });
    return path;
  };
  const options = [
    ...(await aptFetchOptions()).map((line) => `--aptopt=${line}`),
    ...UNREAD.map((path) => `--dpkgopt=path-exclude=${path}`),
    // The new root is a directory that is packed and thrown away: flushing each file to disk only costs time.
    "--dpkgopt=force-unsafe-io",
  ];
  const mirror = await debianMirror();
  return [
    "mmdebstrap", "--quiet", "--mode=root", "--format=tar", `--variant=${recipe.keepApt ? "minbase" : "essential"}`,
    `--include=${recipe.packages.join(",")}`,
    ...options,
    ...(recipe.before === "" ? [] : [`--essential-hook=${await script("before", recipe.before)}`]),
    `--customize-hook=${await script("after", recipe.after === "" ? ":" : recipe.after)}`,
    ...(recipe.keepApt ? ["--skip=cleanup/apt/lists", "--skip=cleanup/apt/cache"] : []),
    DEBIAN_RELEASE, tar, ...(mirror === undefined ? [] : [mirror]),
  ];
}

