import { Document, isMap, isPair, isScalar, parse, visit } from "yaml";
import type { ComposeFile } from "./model.ts";

/** The only file of `src/` that knows how YAML is written and read. */

/** Comments for people: one above the document, and one above the value of each key path (`services.redis`). */
export interface Comments {
  readonly header: string;
  readonly above?: Readonly<Record<string, string>>;
}

/** Text of a comment as the library wants it: every line begins with a space, empty lines stay empty. */
function commentText(text: string): string {
  return text.split("\n").map((line) => (line === "" ? "" : ` ${line}`)).join("\n");
}

/** The longest list that is written on one line, in characters. */
const ONE_LINE = 100;

function isShort(leaf: unknown): boolean {
  return isScalar(leaf) && !String(leaf.value).includes("\n");
}

/** Commands, short lists and maps of one key read better on one line. */
function foldShort(document: Document): void {
  visit(document, {
    Seq(_, list) {
      const length = list.items.map((item) => (isScalar(item) ? String(item.value) : "")).join(", ").length;
      list.flow = list.items.every(isShort) && length <= ONE_LINE;
    },
    Map(_, map) {
      map.flow = map.items.length <= 1 && map.items.every((pair) => isShort(pair.value));
    },
  });
}

/**
 * YAML 1.2 text of plain data, ending with a newline. Strings that YAML 1.1 reads as something else (`yes`, `012`, `1_000`, a
 * date) are quoted, because Compose and cloud-init parse with other libraries than this one. No aliases, no folded lines.
 */
export function yamlText(value: unknown, comments?: Comments): string {
  const document = new Document(value, { version: "1.2", compat: "yaml-1.1", aliasDuplicateObjects: false });
  if (comments !== undefined) document.commentBefore = commentText(comments.header);
  for (const [path, text] of Object.entries(comments?.above ?? {})) {
    const keys = path.split(".");
    const parent: unknown = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1));
    const pair = isMap(parent) ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === keys.at(-1)) : undefined;
    if (pair === undefined || !isScalar(pair.key)) throw new Error(`commenting YAML: required: a key ${path}; found none; name a key that the document has`);
    pair.key.commentBefore = commentText(text);
    pair.key.spaceBefore = isMap(parent) && parent.items[0] !== pair;
  }
  foldShort(document);
  return document.toString({ lineWidth: 0, indentSeq: true, flowCollectionPadding: false });
}

/** Data of a YAML text. Throws the library's own message (line and column) when it is not YAML. */
export function parseYaml(text: string): unknown {
  return parse(text) as unknown;
}

/** `$` means a variable to Compose, doubled it means itself. Nothing of ours is to be filled in where the file is read. */
function forCompose(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("$", "$$$$");
  if (Array.isArray(value)) return value.map(forCompose);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, forCompose(inner)]));
}

/** Text of a Compose file. */
export function toYaml(file: ComposeFile, comments?: Comments): string {
  return yamlText(forCompose(file), comments);
}
