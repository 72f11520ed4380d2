import { configKeys, type ConfigKey } from "./shape.ts";

/** The schema, told twice more: as Pulumi.yaml declares it, and as the manual's table. Both are committed, and held equal by a test. */

/** The whole of Pulumi.yaml. JSON is YAML, so every value is written as JSON. */
export function pulumiYaml(): string {
  return `${HEAD}${configKeys().map(declaration).join("")}`;
}

const HEAD = `# Berth: a queue application on Hetzner Cloud, from configuration to verified. What each key means together with others: docs/configuration.md.
# Rendered from src/config/schema.ts by \`npm run render\`; a test keeps it equal.
name: berth
description: A queue application on Hetzner Cloud, deployed and proved to work.
runtime:
  name: nodejs
  options:
    # Pulumi's own ts-node refuses ES modules with .ts import paths; start.mjs bundles src/index.ts once and runs it.
    typescript: false
main: src/start.mjs

# Every key under \`berth:\`. A dotted key is a path into a section: \`server.type\` is \`berth:server: {type: …}\` in a stack's
# file, and \`pulumi config set --path berth:server.type …\` on the command line. An empty default means "not set" (0 for a
# number): Pulumi knows no other way to declare an optional key, and refuses a key without a default before the program
# can name all that is missing. Pulumi checks the types here, the program everything else, in one message.
config:
`;

function declaration(key: ConfigKey): string {
  if (key.type === "map") {
    // Pulumi declares strings, integers, booleans and arrays only: a map with free names cannot be given a type.
    return `  # ${key.path}: a map, which Pulumi cannot declare. ${key.description} Default: empty.\n`;
  }
  const type = key.type === "array" ? "    type: array\n    items: {type: string}\n" : `    type: ${key.type}\n`;
  return `  ${key.path}:\n${type}    description: ${JSON.stringify(key.description)}\n    default: ${JSON.stringify(declaredDefault(key))}\n`;
}

function declaredDefault(key: ConfigKey): unknown {
  if (key.default !== undefined) return key.default;
  if (key.type === "array") return [];
  return key.type === "integer" ? 0 : "";
}

/** Every key as a Markdown table. */
export function configTable(): string {
  const rows = configKeys().map((key) => `| \`${key.path}\` | ${typeText(key)} | ${defaultText(key)} | ${key.description.replaceAll("|", "\\|")} |`);
  return ["| key | type | default | what |", "|---|---|---|---|", ...rows].join("\n");
}

function typeText(key: ConfigKey): string {
  const type = { array: "list of texts", boolean: "true, false", integer: "whole number", string: "text", map: "map" }[key.type];
  return key.secret ? `${type}, secret` : type;
}

function defaultText(key: ConfigKey): string {
  if (key.default !== undefined) return `\`${JSON.stringify(key.default)}\``;
  if (key.type === "map") return "`{}`";
  return key.required ? "**required**" : "not set";
}
