import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PulumiEngine } from "./engine/pulumi.ts";

/** A rehearsed stack as it is on a laptop: `pulumi`, and so `berth`, finds it in this environment. */

/**
 * What to add to the environment.
 * @param directory of the run: it gets a `bin/pulumi` that speaks of its stack
 */
export async function laptop({ variables, project, cli, stack }: PulumiEngine, directory: string): Promise<Record<string, string>> {
  const bin = join(directory, "bin");
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "pulumi"), `#!/bin/sh\nexec "${cli}" --cwd "${project}" "$@"\n`, { mode: 0o755 });
  return { ...variables, PATH: `${bin}:${process.env["PATH"] ?? ""}`, PULUMI_STACK: stack };
}

/**
 * The same as a file for a person's shell, with `berth` as a function.
 * @returns its path
 */
export async function writeLaptop(engine: PulumiEngine, directory: string, root: string): Promise<string> {
  const file = join(directory, "laptop.sh");
  const lines = Object.entries(await laptop(engine, directory)).map(([name, value]) => `export ${name}=${name === "PATH" ? `'${join(directory, "bin")}':"$PATH"` : `'${value}'`}\n`);
  await writeFile(file, `${lines.join("")}berth() { '${process.execPath}' '${join(root, "src/cli/bin.mjs")}' "$@"; }\n`, { mode: 0o600 });
  return file;
}
