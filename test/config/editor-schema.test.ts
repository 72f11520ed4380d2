import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { editorSchema } from "../../src/config/editor-schema.ts";
import { configKeys } from "../../src/config/shape.ts";

/** The schema that editors are given, held to the committed file and to a validator that nobody here wrote. */
const ROOT = join(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
// Formats are for people's editors; zod writes a pattern beside each.
const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(JSON.parse(editorSchema()) as object);
type Settings = Record<string, Record<string, unknown> | string>;
const production = (parse(read("Pulumi.prod.yaml")) as { config: Settings }).config;

/** What the validator says of the production stack with these settings changed, a line each. */
function faults(change: Settings): string[] {
  const merged = Object.entries(change).map(([key, value]) => [key, typeof value === "string" ? value : { ...(production[key] as object | undefined), ...value }] as const);
  // Through YAML, as an editor reads it.
  return validate(parse(stringify({ config: { ...production, ...Object.fromEntries(merged) } }))) ? [] : (validate.errors ?? []).map((it) => `${it.instancePath} ${it.message ?? ""}`);
}

test("berth.schema.json is what the schema renders, and the production stack names it and keeps it", () => {
  expect(read("berth.schema.json"), "run `npm run render`, read the diff, and commit it").toBe(editorSchema());
  expect(read("Pulumi.prod.yaml").split("\n")[0]).toBe("# yaml-language-server: $schema=./berth.schema.json");
  expect(faults({})).toEqual([]);
});

test("every key is in it, with its description", () => {
  const schema: unknown = JSON.parse(editorSchema());
  for (const { path, description } of configKeys()) {
    const [section = "", ...rest] = path.split(".");
    const node = ["properties", "config", "properties", `berth:${section}`, ...rest.flatMap((name) => ["properties", name])].reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], schema);
    expect(node, path).toMatchObject({ description });
  }
});

test("a stack as `berth init` leaves it: secrets encrypted, some keys set to nothing, other programs' keys", () => {
  const secure = { secure: "v1:abc:def" };
  const all = Object.fromEntries(["redisPassword", "postgresPassword", "deployKey", "hostKey"].map((name) => [name, secure]));
  expect(faults({ "berth:secrets": { ...all, app: { SMTP_PASSWORD: secure } }, "berth:domain": "", "berth:volume": { id: 0 }, "hcloud:token": secure, "other:thing": "free" })).toEqual([]);
});

test.each<[string, Settings, string]>([
  ["a key that is misspelt", { "berth:worker": { memoryMB: 640 } }, "/config/berth:worker must NOT have additional properties"],
  ["a section that is misspelt", { "berth:redsi": { memoryMb: 640 } }, "/config must NOT have additional properties"],
  ["a text for a number", { "berth:redis": { maxmemoryMb: "448mb" } }, "/config/berth:redis/maxmemoryMb must be integer"],
  ["a word that is no choice", { "berth:redis": { appendfsync: "never" } }, "/config/berth:redis/appendfsync must be equal to one of the allowed values"],
  ["a source that is no range", { "berth:ssh": { sources: ["203.0.113.7"] } }, "/config/berth:ssh/sources/0 must match a schema in anyOf"],
  ["a token in the clear", { "hcloud:token": "abcdef" }, "/config/hcloud:token must be object"],
])("an editor marks %s", (_what, change, fault) => {
  expect(faults(change)).toContain(fault);
});
