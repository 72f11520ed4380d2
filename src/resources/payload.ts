import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const SERVER_SCRIPTS = fileURLToPath(new URL("../../server", import.meta.url));

/** The scripts of `server/` by their path below it: what the host is given with every release. */
export function serverScripts(): Record<string, string> {
  const names = readdirSync(SERVER_SCRIPTS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".md"))
    .map((entry) => join(entry.parentPath, entry.name).slice(SERVER_SCRIPTS.length + 1))
    .toSorted();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(SERVER_SCRIPTS, name), "utf8")]));
}

/** The verifier packed for a command's standard input: 250 KB in the stack's state instead of a megabyte. */
export function packed(text: string): string {
  return gzipSync(text, { level: 9 }).toString("base64");
}
