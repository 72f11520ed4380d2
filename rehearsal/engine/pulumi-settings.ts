import { readFile, writeFile } from "node:fs/promises";
import { parse, stringify } from "yaml";

/** The file of one stack's settings, as `pulumi config` and a person's editor write it. */

type Tree = { [key: string]: unknown };

/** Text by full key: a section is JSON and becomes a map in the file. */
export interface WantedSettings {
  readonly config: Readonly<Record<string, string>>;
  /** Which keys of `config` are secret; of a section, every leaf is. */
  readonly secretKeys: readonly string[];
}

export interface SecretLeaf {
  /** As `pulumi config set --path` takes it: `berth:secrets.redisPassword`. */
  readonly path: string;
  readonly value: string;
}

/** Write every setting that is not secret, and keep the encrypted ones that are there. */
export async function writePlain(file: string, { config, secretKeys }: WantedSettings): Promise<void> {
  const before = parse(await readFile(file, "utf8")) as { config?: Tree } & Tree;
  const plain = Object.entries(config).filter(([key]) => !secretKeys.includes(key)).map(([key, value]) => [key, asTree(value)] as const);
  const kept = Object.entries(before.config ?? {}).filter(([key]) => secretKeys.includes(key));
  await writeFile(file, stringify({ ...before, config: Object.fromEntries([...plain, ...kept]) }), { mode: 0o600 });
}

/** The secrets one by one, as they are given to `pulumi config set --secret`. */
export function secretLeaves({ config, secretKeys }: WantedSettings): SecretLeaf[] {
  return secretKeys.flatMap((key) => {
    const value = config[key];
    return value === undefined ? [] : leaves(key, asTree(value));
  });
}

function leaves(path: string, value: unknown): SecretLeaf[] {
  if (typeof value === "object" && value !== null) return Object.entries(value).flatMap(([key, inner]) => leaves(`${path}.${key}`, inner));
  return [{ path, value: String(value) }];
}

/** Only sections are JSON; a plain text such as a token stays as it is. */
function asTree(value: string): unknown {
  return value.startsWith("{") ? (JSON.parse(value) as unknown) : value;
}
