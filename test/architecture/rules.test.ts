import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** Source files below a folder, by path from the repository's root. */
function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

/** Module specifiers a file imports for their values; what is imported as a type leaves no trace at run time. */
function imports(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/^(?:import|export)\s(?!type\s)(?:[^"';]*?from\s+)?"([^"]+)"/gms)].flatMap((match) => match[1] ?? []);
}

const PURE = ["src/compose", "src/redis", "src/host", "src/release", "src/doctor", "src/verify/checks"];

test.each(PURE.flatMap(sources))("%s is pure", (file) => {
  const impure = imports(file).filter((name) => /^@pulumi\/|^node:(fs|child_process|net|http|os|timers)/.test(name));
  expect(impure, `${file} renders text from values: move what reads the world to src/resources and pass the value in`).toEqual([]);
  const text = readFileSync(join(root, file), "utf8");
  expect(text, `${file} asks the clock, chance or the environment: pass the value in as a parameter`).not.toMatch(/Date\.now|new Date\(\)|Math\.random|process\.env/);
});

test("the yaml library is imported in one file of the kit", () => {
  const importers = sources("src").filter((file) => imports(file).includes("yaml") && file.startsWith("src/compose/"));
  expect(importers, "render through the one `toYaml`; do not import yaml a second time").toHaveLength(1);
  const others = PURE.flatMap(sources).filter((file) => imports(file).includes("yaml") && !importers.includes(file));
  expect(others, "render through src/compose's toYaml").toEqual([]);
});

test("only resources, index.ts and config/load.ts know Pulumi", () => {
  const knowing = sources("src").filter((file) => imports(file).some((name) => name.startsWith("@pulumi/")));
  const strangers = knowing.filter((file) => !/^src\/(resources\/|index\.ts$|config\/load\.ts$)/.test(file));
  expect(strangers, "take plain values, and let src/resources wrap them in Pulumi outputs").toEqual([]);
});

test("the runtime library knows neither Pulumi nor the kit", () => {
  const strangers = sources("runtime/src").filter((file) => imports(file).some((name) => /^@pulumi\/|\/src\/|^zod$|^yaml$/.test(name)));
  expect(strangers, "an application imports this: it may not drag the deployment in").toEqual([]);
});

test("nothing in src or the runtime knows that it is rehearsed", () => {
  const knowing = [...sources("src"), ...sources("runtime/src"), ...sources("app/src")]
    .filter((file) => imports(file).some((name) => name.includes("rehearsal")));
  expect(knowing, "the rehearsal stands in for Hetzner from outside; pass what differs through config").toEqual([]);
});

test("index.ts reads as a story in at most 40 lines", () => {
  expect(readFileSync(join(root, "src/index.ts"), "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(40);
});

test("no source file is a god file", () => {
  const long = ["src", "runtime/src", "app/src", "rehearsal"].flatMap(sources)
    .map((file) => ({ file, lines: readFileSync(join(root, file), "utf8").split("\n").length }))
    .filter(({ lines }) => lines > 300);
  expect(long, "split it by what changes together").toEqual([]);
});
