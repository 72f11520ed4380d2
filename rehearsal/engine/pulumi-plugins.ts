import { readFile, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { onPath } from "./choice.ts";

const manifest = z.object({ pulumi: z.object({ name: z.string(), version: z.string() }) });

/** The npm packages whose provider plugins the program needs. */
const PROVIDERS = ["@pulumi/hcloud", "@pulumi/command"];

/**
 * Provider plugins that are on PATH, put where the engine looks for installed ones: taken from PATH it warns about each,
 * in every preview. What is not on PATH the engine downloads to the same folder, and finds there the next time.
 * @param folder `plugins` of a Pulumi home
 */
export async function linkPlugins(folder: string, root: string): Promise<void> {
  for (const provider of PROVIDERS) {
    const { pulumi } = manifest.parse(JSON.parse(await readFile(join(root, "node_modules", provider, "package.json"), "utf8")));
    const program = `pulumi-resource-${pulumi.name}`;
    const found = onPath(program);
    if (found === undefined) continue;
    const installed = join(folder, `resource-${pulumi.name}-v${pulumi.version}`);
    await mkdir(installed, { recursive: true });
    await rm(join(installed, program), { force: true });
    await symlink(found, join(installed, program));
  }
}
