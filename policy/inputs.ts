/** Looking into a resource's inputs, of which nothing is known but that they are JSON. */

/** The value of a key; undefined where there is no such map or key. */
export function at(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

export function listOf(value: unknown, key: string): readonly unknown[] {
  const list = at(value, key);
  return Array.isArray(list) ? list : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
