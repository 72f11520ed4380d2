// Bundles the application: dist/ runs with plain Node, without node_modules and without a network at image build.
// usage: node app/build.mjs [DIRECTORY]   (default app/dist)
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "dist"));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ["api", "worker", "migrate", "health"].map((name) => `src/${name}.ts`),
  outdir: out,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  // Optional and native: pg and msgpackr (which Bull brings) do without.
  external: ["pg-native", "msgpackr-extract"],
  charset: "utf8",
  tsconfigRaw: "{}",
  logLevel: "warning",
});
