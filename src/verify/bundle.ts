import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { builtOnce } from "../built-once.mjs";

export interface Verifier {
  /** One ES module that plain Node >= 20 runs, without node_modules. */
  readonly text: string;
  /** SHA-256 of the text, in hex. */
  readonly digest: string;
}

const HERE = fileURLToPath(new URL(".", import.meta.url));

/**
 * Bundles the verifier: the same bytes from the same sources, on whatever machine and in whatever directory. Kept until a source changes.
 *
 * @throws what esbuild reports, when the sources do not build
 */
export async function bundleVerifier(): Promise<Verifier> {
  const { text } = await builtOnce("verifier", {
    entryPoints: [`${HERE}main.ts`],
    bundle: true,
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
  return { text, digest: createHash("sha256").update(text).digest("hex") };
}
