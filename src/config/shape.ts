import * as z from "zod";
import { configSchema } from "./schema.ts";

/** One key under `berth:`, as the schema declares it. */
export interface ConfigKey {
  /** Dotted. */
  readonly path: string;
  readonly type: "string" | "integer" | "boolean" | "array" | "map";
  readonly description: string;
  readonly default: unknown;
  readonly required: boolean;
  readonly nullable: boolean;
  readonly secret: boolean;
}

/** The parts of JSON Schema that zod writes for this schema. */
interface Node {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly anyOf?: readonly Node[];
  /** Of a map with free names: what each holds. */
  readonly additionalProperties?: Node | boolean;
}

const root = z.toJSONSchema(configSchema, { io: "input" }) as Node;

/** Names a map may have; empty where names are free or there is no map. */
export function knownKeys(path: readonly PropertyKey[]): string[] {
  const node = path.reduce<Node | undefined>((at, part) => at?.properties?.[String(part)] ?? (typeof at?.additionalProperties === "object" ? at.additionalProperties : undefined), root);
  return Object.keys(node?.properties ?? {});
}

/** Every key, in the order of the schema. A map with free names (`app.env`) is one key. */
export function configKeys(): ConfigKey[] {
  return leaves(root, []);
}

function leaves(node: Node, path: readonly string[]): ConfigKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const here = [...path, name];
    if (child.properties !== undefined) return leaves(child, here);
    const types = typesOf(child);
    const isRequired = node.required?.includes(name) ?? false;
    return [
      {
        path: here.join("."),
        type: pulumiType(types),
        description: child.description ?? "",
        default: child.default,
        required: isRequired && child.default === undefined && path[0] !== "registry",
        nullable: types.includes("null"),
        secret: here[0] === "secrets",
      },
    ];
  });
}

function typesOf(node: Node): readonly string[] {
  if (node.anyOf !== undefined) return node.anyOf.flatMap(typesOf);
  if (node.type === undefined) return ["string"];
  return typeof node.type === "string" ? [node.type] : node.type;
}

function pulumiType(types: readonly string[]): ConfigKey["type"] {
  const type = types.find((it) => it !== "null");
  if (type === "integer" || type === "boolean" || type === "array") return type;
  return type === "object" ? "map" : "string";
}
