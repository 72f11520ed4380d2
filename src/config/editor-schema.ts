import * as z from "zod";
import { configSchema } from "./schema.ts";
import { configKeys, type ConfigKey } from "./shape.ts";

/**
 * The schema once more, for editors: JSON Schema of a stack's file, Pulumi.<stack>.yaml. It knows each key alone, with its
 * description and default; what keys mean together only `pulumi preview` knows. Draft 7, which every editor reads.
 */
type Node = { [key: string]: unknown };

/** How Pulumi keeps a secret in the file. */
const ENCRYPTED: Node = {
  type: "object",
  properties: { secure: { type: "string", description: "Encrypted for this stack, by `pulumi config set --secret`." } },
  required: ["secure"],
  additionalProperties: false,
};

/** The text of berth.schema.json. */
export function editorSchema(): string {
  const { properties } = z.toJSONSchema(configSchema, { io: "input", target: "draft-7" }) as { properties: Record<string, Node> };
  for (const key of configKeys()) adjust(properties, key);
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A stack of Berth's",
    description: "Pulumi.<stack>.yaml. Rendered from src/config/schema.ts by `npm run render`.",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: {
          ...Object.fromEntries(Object.entries(properties).map(([name, node]) => [`berth:${name}`, node])),
          "hcloud:token": { description: "Hetzner Cloud API token, unless HCLOUD_TOKEN is in the environment.", ...ENCRYPTED },
        },
        // Secrets are not required here: `berth init` adds them, and until then the file is as it should be.
        required: ["berth:server", "berth:app"],
        // Other programs' keys are theirs to judge.
        patternProperties: { "^(?!berth:)": true },
        additionalProperties: false,
      },
    },
    required: ["config"],
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** What the file may hold besides what the program is given: encrypted texts, and Pulumi's ways to say "not set". */
function adjust(properties: Record<string, Node>, key: ConfigKey): void {
  const path = key.path.split(".");
  const name = path.pop() ?? "";
  const holder = path.reduce((at, part) => at[part]?.["properties"] as Record<string, Node>, properties);
  const node = holder[name];
  if (node === undefined) return;
  if (key.secret) {
    if (key.type === "map") node["additionalProperties"] = orElse(node["additionalProperties"] as Node, ENCRYPTED);
    else holder[name] = orElse(node, ENCRYPTED);
  } else if (!key.required && (key.default === undefined || key.nullable) && (key.type === "string" || key.type === "integer")) {
    holder[name] = orElse(node, { const: key.type === "string" ? "" : 0 });
  }
}

function orElse({ description, default: otherwise, ...node }: Node, other: Node): Node {
  return { ...(description === undefined ? {} : { description }), ...(otherwise === undefined ? {} : { default: otherwise }), anyOf: [node, other] };
}
