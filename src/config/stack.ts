import { configKeys, type ConfigKey } from "./shape.ts";
import { configSchema } from "./schema.ts";

/**
 * Pulumi's configuration is text by top-level key, and its declarations have neither "unset" nor "null": a key without a
 * value is declared with an empty text or 0. This turns what Pulumi says into what the schema reads.
 */

type Tree = Record<string, unknown>;

/** @param values what Pulumi holds under `berth:`, without the prefix: text, or JSON for a section. */
export function fromStack(values: Readonly<Record<string, string>>): Tree {
  const tree: Tree = {};
  for (const [name, text] of Object.entries(values)) tree[name] = isSection(name) ? parsed(text) : text;
  for (const key of configKeys()) {
    const parts = key.path.split(".");
    const name = parts.pop() ?? "";
    const holder = parts.reduce<unknown>((at, part) => (isTree(at) ? at[part] : undefined), tree);
    if (!isTree(holder)) continue;
    if (!isUnset(key, holder[name])) continue;
    if (key.nullable) holder[name] = null;
    else delete holder[name];
  }
  // The only section that may be left out: with nothing in it, it is.
  if (isTree(tree["registry"]) && Object.keys(tree["registry"]).length === 0) delete tree["registry"];
  return tree;
}

/** Whether a value is the marker by which Pulumi.yaml declares this key as not set. */
function isUnset(key: ConfigKey, value: unknown): boolean {
  if (value === "") return true;
  if (key.default !== undefined) return false;
  return (key.type === "integer" && value === 0) || (key.required && Array.isArray(value) && value.length === 0);
}

/** Sections and maps are maps; `project` and `domain` are plain text. */
function isSection(name: string): boolean {
  return Object.hasOwn(configSchema.shape, name) && configKeys().every((key) => key.path !== name || key.type === "map");
}

/** Text that is no JSON is left as it is, for the schema to refuse. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
