import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError, parseConfig } from "../../src/config/faults.ts";
import { configKeys } from "../../src/config/shape.ts";
import { cx33, good, isTree, secrets, type Tree } from "./good.ts";

/** Any one thing that may go wrong when people edit a configuration. */
interface Mutation {
  readonly path: string;
  readonly value: unknown;
}

const planted = "planted-secret-7c1f";
const leaves = configKeys().map((key) => key.path);
const sections = [...new Set(leaves.map((path) => path.split(".")[0] ?? ""))];

/** Values of the wrong type, out of range, malformed, hostile to a log; some of them the stack's own secrets. */
const wrongValue = fc.oneof(
  fc.constantFrom<unknown>(null, "", " ", "latest", -1, 0, 1.5, 1e9, true, [], {}, [[]], "a\nb", "0.0.0.0/0", secrets.redisPassword, secrets.deployKey),
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.array(fc.anything({ maxDepth: 1 }), { maxLength: 3 }),
  fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ path: fc.constantFrom(...leaves, ...sections), value: wrongValue }),
  fc.record({ path: fc.constantFrom(...leaves, ...sections), value: fc.constant(undefined) }),
  fc.record({ path: fc.tuple(fc.constantFrom("", ...sections), fc.string({ minLength: 1 })).map(([section, name]) => [section, name.replaceAll(".", "_")].filter((it) => it !== "").join(".")), value: fc.constant(planted) }),
  // Contradictions, each of whose keys is in order by itself.
  fc.constantFrom<Mutation>(
    { path: "redis.maxmemoryMb", value: 100_000 },
    { path: "redis.connectionCeiling", value: 3 },
    { path: "redis.maxclients", value: 32 },
    { path: "app.image", value: "ghcr.io/example/app" },
    { path: "postgres.image", value: "postgres:alpine" },
    { path: "ssh.sources", value: ["::/0"] },
    { path: "api.memoryMb", value: 64_000 },
    { path: "app.env.API_TOKEN", value: planted },
    { path: "app.startupSeconds", value: 1 },
    { path: "secrets.registryPassword", value: planted },
  ),
);

function apply(tree: Tree, { path, value }: Mutation): void {
  const parts = path.split(".");
  const last = parts.pop() ?? "";
  let holder = tree;
  for (const part of parts) {
    const next: unknown = holder[part];
    if (!isTree(next)) return;
    holder = next;
  }
  if (value === undefined) delete holder[last];
  else Object.defineProperty(holder, last, { value, enumerable: true, configurable: true, writable: true });
}

function errorOf(input: unknown): unknown {
  try {
    parseConfig(input, cx33);
    return undefined;
  } catch (error) {
    return error;
  }
}

test("200 configurations spoilt at random: each gives one error, whose every line has path, required and found, and no secret", () => {
  const bad = fc.array(mutation, { minLength: 1, maxLength: 5 }).map((mutations) => {
    const tree: Tree = structuredClone<Tree>({ ...good() });
    for (const it of mutations) apply(tree, it);
    return tree;
  });
  const sizes: number[] = [];
  fc.assert(
    fc.property(bad, (input) => {
      const error = errorOf(input);
      // Some mutations are harmless (an optional key taken out): they are no bad configuration, and do not count.
      fc.pre(error !== undefined);
      expect(error).toBeInstanceOf(ConfigError);
      const message = error instanceof Error ? error.message : "";
      const lines = message.split("\n");
      const next = lines.pop();
      expect(next).toMatch(/^next: /);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(line).toMatch(/^\S.*: required \S.*; found \S.*$/u);
      // A value is known to be a secret by standing under `secrets`, whatever other key it was pasted into as well.
      const own: readonly unknown[] = isTree(input["secrets"]) ? Object.values(input["secrets"]) : [];
      const parts = own.includes(secrets.deployKey) ? secrets.deployKey.split("\n").slice(1, -2) : [];
      for (const secret of [planted, ...Object.values(secrets).filter((it) => own.includes(it)), ...parts, "correct horse battery staple"]) expect(message).not.toContain(secret);
      sizes.push(lines.length);
    }),
    { numRuns: 200, seed: 20_261 },
  );
  expect(sizes).toHaveLength(200);
  // Some configuration must have had several faults, or the list would not have been tried.
  expect(Math.max(...sizes)).toBeGreaterThan(3);
});

test("the same fault is never listed twice", () => {
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 5 }), (mutations) => {
      const tree: Tree = structuredClone<Tree>({ ...good() });
      for (const it of mutations) apply(tree, it);
      const error = errorOf(tree);
      const lines = error instanceof ConfigError ? error.message.split("\n") : [];
      expect(new Set(lines).size).toBe(lines.length);
    }),
    { numRuns: 100, seed: 20_262 },
  );
});
