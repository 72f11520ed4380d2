// What Pulumi starts: the program of index.ts, bundled once and kept. Reading a hundred TypeScript files each time would cost a second of every
// preview; where the bundle cannot be made or kept, they are read as they are.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { builtOnce, ROOT } from "./built-once.mjs";
import { namesSources } from "./stack-traces.mjs";

async function bundled() {
  try {
    const { file } = await builtOnce("program", {
      entryPoints: [join(ROOT, "src/index.ts")],
      outfile: join(ROOT, "program.mjs"),
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      // Bundled: our own and what is many small files. The rest is loaded as installed: Pulumi must be the engine's own, ssh2 has native parts.
      external: ["@pulumi/*", "esbuild", "ssh2", "ioredis", "pg"],
      banner: { js: 'import{createRequire as berthRequire}from"node:module";const require=berthRequire(import.meta.url);' },
      sourcemap: "external",
      sourcesContent: false,
      tsconfigRaw: "{}",
      logLevel: "silent",
    });
    return file;
  } catch (error) {
    console.error(`berth: the program could not be bundled, and is read file by file: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function program() {
  const file = await bundled();
  if (file === undefined) {
    const { register } = await import("tsx/esm/api");
    register();
    return import(new URL("index.ts", import.meta.url).href);
  }
  const mapped = namesSources(file);
  return import(pathToFileURL(file).href).catch((error) => {
    throw mapped(error);
  });
}

// Its exports are the stack's outputs.
export default { ...(await program()) };
