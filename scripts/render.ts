import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { editorSchema } from "../src/config/editor-schema.ts";
import { withConfigTable } from "../src/config/manual.ts";
import { pulumiYaml } from "../src/config/table.ts";
import { withRulesTable } from "../src/verify/rules-table.ts";
import { placeholderConfig, renderings } from "./renderings.ts";

/**
 * usage: npm run render [-- --check]
 * Writes the committed renderings of Pulumi.prod.yaml, and of the schema's keys (Pulumi.yaml, berth.schema.json, docs/configuration.md), and of the checks' rules (docs/verification.md); with --check, only says which differ, and exits 1 if any does.
 */

const root = join(import.meta.dirname, "..");
/** Folders that hold renderings and nothing else: a file there that is not rendered is a leftover. */
const FOLDERS = ["compose", "redis", "host"];

function committed(): string[] {
  return FOLDERS.map((folder) => join(root, folder))
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function differences(wanted: Readonly<Record<string, string>>): string[] {
  const changed = Object.entries(wanted)
    .filter(([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), "utf8") !== text)
    .map(([path]) => path);
  return [...changed, ...committed().filter((path) => !(path in wanted))];
}

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const wanted: Readonly<Record<string, string>> = {
  ...renderings(placeholderConfig(read("Pulumi.prod.yaml"))),
  "Pulumi.yaml": pulumiYaml(),
  "berth.schema.json": editorSchema(),
  "docs/verification.md": withRulesTable(read("docs/verification.md")),
  "docs/configuration.md": withConfigTable(read("docs/configuration.md")),
};
const stale = differences(wanted);

if (process.argv.includes("--check")) {
  for (const path of stale) console.error(`${path}: differs from what the code renders`);
  if (stale.length > 0) console.error("run `npm run render`, read the diff, and commit it");
  process.exit(stale.length > 0 ? 1 : 0);
}

for (const path of stale) {
  const text = wanted[path];
  if (text === undefined) {
    rmSync(join(root, path));
  } else {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  console.log(`${text === undefined ? "removed" : "wrote"} ${path}`);
}
if (stale.length === 0) console.log("all renderings are as the code renders them");
