import { valueAt } from "../config/issues.ts";

/**
 * Pulumi.prod.yaml comes as an example: its names and addresses are those that documentation is made of (RFC 2606, RFC 5737). Taken for
 * answers they would be found out minutes later, by a port that stays shut and an image that nobody has.
 */
const EXAMPLES: Readonly<Record<string, RegExp>> = {
  domain: /(?:^|\.)example\.(?:com|net|org)$/,
  "ssh.sources": /^(?:192\.0\.2|198\.51\.100|203\.0\.113)\./,
  "app.image": /^(?:ghcr\.io|registry\.example\.com)\/example\//,
};

/** Paths under `berth:` that still say what the example says. None once the stack has its secrets: then somebody has decided. */
export function exampleValues(input: unknown): string[] {
  if (valueAt(input, ["secrets", "deployKey"]) !== undefined) return [];
  return Object.entries(EXAMPLES).filter(([path, example]) => {
    const value = valueAt(input, path.split("."));
    const texts: unknown[] = Array.isArray(value) ? value : [value];
    return texts.some((text) => typeof text === "string" && example.test(text));
  }).map(([path]) => path);
}
