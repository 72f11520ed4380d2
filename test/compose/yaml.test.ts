import { array, assert, dictionary, oneof, property, string } from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { composeDev } from "../../src/compose/dev.ts";
import { composeFile, composeText } from "../../src/compose/file.ts";
import { toYaml, yamlText } from "../../src/compose/yaml.ts";
import { sources, stack } from "../helpers/stack.ts";

const DAYS = { SAFE: "plain", YES: "yes", OCTAL: "012", UNDERSCORE: "1_000", DATE: "2001-01-01", TIME: "12:30", EMPTY: "", NULL: "~", LINES: "a\nb", TAB: "a\tb", HASH: "a #b", QUOTES: `'"` };

test("text stays text for parsers of YAML 1.1 and of 1.2", () => {
  const text = yamlText(DAYS);
  expect(parse(text, { version: "1.1" })).toEqual(DAYS);
  expect(parse(text, { version: "1.2" })).toEqual(DAYS);
});

test("any text survives both parsers", () => {
  assert(property(dictionary(string({ minLength: 1 }), oneof(string(), string({ unit: "binary" }), array(string()))), (data) => {
    const value = { outer: data };
    const text = yamlText(value);
    expect(parse(text, { version: "1.1" })).toEqual(value);
    expect(parse(text, { version: "1.2" })).toEqual(value);
  }));
});

test("a $ in a setting stays a $: Compose fills nothing in", () => {
  const file = composeFile(stack({ app: { env: { PRICE: "$5 ${HOME} $$" } } }), sources);
  expect(toYaml(file)).toContain("PRICE: $$5 $${HOME} $$$$");
});

test("no $ of ours is left for Compose to fill in", () => {
  const text = composeText(stack({ app: { migrate: ["sh", "-c", "echo $X"] } }), sources);
  expect(text.replaceAll("$$", "")).not.toContain("$");
});

test("a comment for a key that is not there is a mistake of ours", () => {
  expect(() => yamlText({ a: 1 }, { header: "x", above: { "b.c": "y" } })).toThrow("required: a key b.c");
});

test("comments, short lists on one line, long texts as blocks", () => {
  expect(yamlText({ list: ["a", "b"], map: { one: true }, text: "x\ny\n", long: ["x".repeat(60), "y".repeat(60)] }, { header: "Head.\n\nMore.", above: { text: "Why." } })).toMatchInlineSnapshot(`
    "# Head.

    # More.

    list: [a, b]
    map: {one: true}

    # Why.
    text: |
      x
      y
    long:
      - xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      - yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
    "
  `);
});

test("development's services are reachable from this machine only", () => {
  const local = { ports: [{ host_ip: "127.0.0.1" }] };
  expect(composeDev(stack()).services).toMatchObject({ redis: { ...local, image: stack().redis.image }, postgres: { ...local, image: stack().postgres.image } });
});
