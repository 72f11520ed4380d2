import { generateSecrets } from "../../src/config/generate.ts";
import type { ConfigInput } from "../../src/config/schema.ts";

/** One set for all tests of a file: key generation is the slow part. */
export const secrets = generateSecrets();

/** A configuration without a fault. Fresh at each call, so that a test may spoil it. */
export function good() {
  return {
    server: { type: "cx33" },
    ssh: { sources: ["203.0.113.7/32"] },
    app: { image: "ghcr.io/example/app:1.4.2", queues: ["file", "email"], env: { LOG_LEVEL: "info" } },
    secrets: { ...secrets, app: { SMTP_PASSWORD: "correct horse battery staple" } },
  } satisfies ConfigInput;
}

/** Hetzner's cx33. */
export const cx33 = { memoryMb: 8192, diskGb: 80, architecture: "x86" };

export type Tree = Record<string, unknown>;

/** The good configuration with values set at dotted paths; `undefined` removes. */
export function spoilt(changes: Readonly<Record<string, unknown>>): Tree {
  const tree: Tree = { ...good() };
  for (const [path, value] of Object.entries(changes)) {
    const parts = path.split(".");
    const last = parts.pop() ?? "";
    const holder = parts.reduce<Tree>(child, tree);
    if (value === undefined) delete holder[last];
    else holder[last] = value;
  }
  return tree;
}

function child(tree: Tree, name: string): Tree {
  const found: unknown = tree[name];
  const next = isTree(found) ? found : {};
  tree[name] = next;
  return next;
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
