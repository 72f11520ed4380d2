import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export interface Verifier {
  /** One ES module that plain Node >= 20 runs, without node_modules. */
  readonly text: string;
  /** SHA-256 of the text, in hex. */
  readonly digest: string;
}

const HERE = fileURLToPath(new URL(".", import.meta.url));

/**
 * Bundles the verifier: the same bytes from the same sources, on whatever machine and in whatever directory.
 *
 * @throws what esbuild reports, when the sources do not build
 */
export async function bundleVerifier(): Promise<Verifier> {
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: ["main.ts"],
    bundle: true,
    write: false,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node20",
    // Optional and native: pg asks for it only when NODE_PG_FORCE_NATIVE is set.
    external: ["pg-native"],
    // ioredis and pg are CommonJS: inside an ES module they need a `require` for Node's own modules.
    banner: { js: 'import{createRequire as berthRequire}from"node:module";const require=berthRequire(import.meta.url);' },
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
    // Of somebody's machine: no tsconfig but this.
    tsconfigRaw: "{}",
  });
  const text = result.outputFiles[0]?.text;
  if (text === undefined) throw new Error("bundling the verifier: required: one file; found: none from esbuild");
  return { text, digest: createHash("sha256").update(text).digest("hex") };
}
