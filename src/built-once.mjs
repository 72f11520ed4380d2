// One bundle by esbuild, kept in node_modules/.cache until a source of it changes. Plain JavaScript: it runs before anything can read TypeScript.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = join(ROOT, "src", sep);
const CACHE = join(ROOT, "node_modules", ".cache", "berth");
/** What is installed: npm writes it with every change. Stands for every file in node_modules. */
const INSTALLED = join(ROOT, "node_modules", ".package-lock.json");

/**
 * @param {string} name of the bundle, as a file's
 * @param {import("esbuild").BuildOptions} options paths in them are absolute; no plugins
 * @returns {Promise<{ file: string, text: string, built: boolean }>} a file that holds the text, named by its content; `built`: it was not in the cache
 */
export async function builtOnce(name, options) {
  const key = sha256(JSON.stringify([ROOT, options, process.version, readFileSync(INSTALLED, "utf8"), readFileSync(fileURLToPath(import.meta.url), "utf8")]));
  return kept(name, key) ?? (await build(name, key, options));
}

/** What the cache holds, when every source still has the bytes it was built from. */
function kept(name, key) {
  try {
    const { key: before, sources, file, digest } = JSON.parse(readFileSync(manifestOf(name), "utf8"));
    if (before !== key || Object.entries(sources).some(([path, was]) => sha256(readFileSync(join(ROOT, path))) !== was)) return undefined;
    const text = readFileSync(file, "utf8");
    return sha256(text) === digest ? { file, text, built: false } : undefined;
  } catch {
    // No manifest, or a source that is gone: build.
    return undefined;
  }
}

async function build(name, key, options) {
  const esbuild = await import("esbuild");
  const { outputFiles, metafile } = await esbuild.build({ ...options, absWorkingDir: ROOT, write: false, metafile: true, plugins: [ownUrls] });
  const map = outputFiles.find(({ path }) => path.endsWith(".map"))?.text;
  const text = outputFiles.find(({ path }) => !path.endsWith(".map"))?.text;
  if (text === undefined) throw new Error(`bundling ${name}: required: one file; found: none from esbuild`);
  const digest = sha256(text);
  const own = Object.keys(metafile.inputs).filter((path) => !path.startsWith("node_modules/"));
  const sources = Object.fromEntries(own.map((path) => [path, sha256(readFileSync(join(ROOT, path)))]));
  const file = join(CACHE, `${name}-${digest.slice(0, 12)}.mjs`);
  const before = previous(name);
  mkdirSync(CACHE, { recursive: true });
  if (map !== undefined) replace(mapOf(file), map);
  replace(file, text);
  replace(manifestOf(name), JSON.stringify({ key, sources, file, digest }));
  if (before !== undefined && before !== file) for (const old of [before, mapOf(before)]) rmSync(old, { force: true });
  return { file, text, built: true };
}

const OWN_URL = /\bimport\.meta\.url\b/g;

/** A source asks where it lies, not where the bundle does. */
const ownUrls = {
  name: "own-urls",
  setup(esbuild) {
    esbuild.onLoad({ filter: /\.(?:ts|mjs)$/ }, ({ path }) => {
      if (!path.startsWith(SOURCES)) return undefined;
      const text = readFileSync(path, "utf8");
      if (text.search(OWN_URL) === -1) return undefined;
      return { contents: text.replace(OWN_URL, JSON.stringify(pathToFileURL(path).href)), loader: path.endsWith(".ts") ? "ts" : "js" };
    });
  },
};

/** In one step, so that a program that starts meanwhile reads the old or the new, and never half. */
function replace(file, text) {
  const scratch = `${file}.${process.pid}`;
  writeFileSync(scratch, text);
  renameSync(scratch, file);
}

function previous(name) {
  return existsSync(manifestOf(name)) ? JSON.parse(readFileSync(manifestOf(name), "utf8")).file : undefined;
}

function manifestOf(name) {
  return join(CACHE, `${name}.json`);
}

/** Where the source map of a bundle is kept, of options that ask for one. */
function mapOf(file) {
  return `${file}.map`;
}

function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}
