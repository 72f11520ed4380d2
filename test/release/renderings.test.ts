import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { placeholderConfig, renderings } from "../../scripts/renderings.ts";

const root = join(import.meta.dirname, "../..");
const wanted = renderings(placeholderConfig(readFileSync(join(root, "Pulumi.prod.yaml"), "utf8")));

test.each(Object.keys(wanted))("%s is what the code renders", (path) => {
  expect(existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "", "run `npm run render`, read the diff, and commit it").toBe(wanted[path]);
});

test("nothing else is in the folders of the renderings", () => {
  const found = ["compose", "redis", "host"].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name))));
  expect(found.filter((path) => !(path in wanted)), "remove it: `npm run render` does").toEqual([]);
});

test("a stack's file without settings is said to be none", () => {
  expect(() => placeholderConfig("# empty\n")).toThrow("required: a map under `config`; found none");
});
