import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../src/config/faults.ts";
import { withConfigTable } from "../../src/config/manual.ts";
import { configSchema } from "../../src/config/schema.ts";
import { configKeys } from "../../src/config/shape.ts";
import { fromStack } from "../../src/config/stack.ts";
import { pulumiYaml } from "../../src/config/table.ts";
import { cx33, good, isTree, secrets, type Tree } from "./good.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const project: unknown = parse(read("Pulumi.yaml"));
const declared: Tree = isTree(project) && isTree(project["config"]) ? project["config"] : {};

/** As Pulumi hands sections over: JSON by top-level key. */
function asPulumi(config: Tree): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]));
}

/** What Pulumi makes of Pulumi.yaml's defaults: each dotted key set where the stack has nothing. */
function withDeclaredDefaults(config: Tree): Tree {
  const tree = structuredClone(config);
  for (const [path, declaration] of Object.entries(declared)) {
    const parts = path.split(".");
    const last = parts.pop() ?? "";
    const holder = parts.reduce<Tree>((at, part) => {
      const next: Tree = isTree(at[part]) ? at[part] : {};
      at[part] = next;
      return next;
    }, tree);
    if (!Object.hasOwn(holder, last) && isTree(declaration)) holder[last] = declaration["default"];
  }
  return tree;
}

describe("Pulumi.yaml", () => {
  test("is what the schema renders (else: npm run render)", () => {
    expect(read("Pulumi.yaml")).toBe(pulumiYaml());
  });

  test("declares every key of the schema with type, description and default, but for maps with free names", () => {
    const maps = configKeys().filter((key) => key.type === "map");
    expect(maps.map((key) => key.path)).toEqual(["nodes", "app.env", "secrets.app"]);
    expect(Object.keys(declared)).toEqual(configKeys().filter((key) => key.type !== "map").map((key) => key.path));
    for (const declaration of Object.values(declared)) {
      expect(declaration).toMatchObject({ description: expect.stringMatching(/\S.{4}/), default: expect.anything() });
    }
  });

  test("uses only what Pulumi's own schema of project files allows", () => {
    for (const declaration of Object.values(declared)) {
      const keys = isTree(declaration) ? declaration : {};
      expect(["string", "integer", "boolean", "array"]).toContain(keys["type"]);
      expect(keys["items"]).toEqual(keys["type"] === "array" ? { type: "string" } : undefined);
    }
  });

  test("its defaults change nothing: a stack with them parses to what it parses to without them", () => {
    const bare = parseConfig(good());
    expect(parseConfig(fromStack(asPulumi(withDeclaredDefaults(good()))))).toEqual(bare);
  });

  test("a stack that sets nothing is told everything that is required, as if nothing had been declared", () => {
    expect(() => parseConfig(fromStack(asPulumi(withDeclaredDefaults({}))))).toThrow(errorOf({}));
  });
});

describe("what Pulumi says of a stack", () => {
  test("unset markers disappear, null where the schema knows null", () => {
    expect(fromStack({ domain: "", volume: '{"id":0,"sizeGb":20}', app: '{"canaryPath":"","env":{"EMPTY":""}}', registry: '{"server":"","username":""}' })).toEqual({
      volume: { sizeGb: 20 },
      app: { canaryPath: null, env: { EMPTY: "" } },
    });
  });

  test("a section that is no JSON stays text, for the schema to refuse", () => {
    expect(fromStack({ server: "cx33", project: "7" })).toEqual({ server: "cx33", project: "7" });
  });

  test("a key that nobody knows stays, for the schema to refuse", () => {
    expect(fromStack({ colour: "red" })).toEqual({ colour: "red" });
  });
});

describe("Pulumi.prod.yaml", () => {
  const text = read("Pulumi.prod.yaml");
  const stack: unknown = parse(text);
  const config: Tree = isTree(stack) && isTree(stack["config"]) ? stack["config"] : {};
  const berth = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^berth:/, ""), value]));

  test("parses with the secrets that `berth init` adds, and fits the server it names", () => {
    expect(parseConfig(fromStack(asPulumi(withDeclaredDefaults({ ...berth, secrets }))), cx33).domain).toBe("app.example.com");
  });

  test("shows every section of the schema but the secrets, and registry and nodes as comments", () => {
    const sections = Object.keys(configSchema.shape).filter((it) => !["project", "secrets", "registry", "nodes", "network"].includes(it));
    expect(Object.keys(berth).toSorted()).toEqual(sections.toSorted());
    expect(text).toContain("# berth:registry:");
    expect(text).toContain("# berth:nodes:");
  });

  test("holds no secret in the clear", () => {
    expect(JSON.stringify(config)).not.toMatch(/BEGIN|hcloud:token|"secrets"/);
  });
});

test("docs/configuration.md has the table of keys that the schema renders (else: npm run render)", () => {
  const page = read("docs/configuration.md");
  expect(page).toBe(withConfigTable(page));
  for (const key of configKeys()) expect(page).toContain(`| \`${key.path}\` |`);
});

test("a page that lost its comments is refused", () => {
  expect(() => withConfigTable("# Configuration\n")).toThrowErrorMatchingInlineSnapshot(`[Error: rendering the table of keys: required the comments <!-- keys: rendered from src/config/schema.ts by \`npm run render\` --> and <!-- end keys --> in docs/configuration.md; found them missing or out of order; put them back around the table]`);
});

function errorOf(input: unknown): string {
  try {
    parseConfig(input);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return "no error";
}
