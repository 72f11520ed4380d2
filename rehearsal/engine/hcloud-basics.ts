import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Context } from "./handler.ts";

/** Name and labels, as every kind has them. */
export const named = { name: z.string().optional(), labels: z.record(z.string(), z.string()).optional() };
export const numericId = z.number();
export const anything = z.unknown();

/** A name of its own for a resource that the program did not name, as the real engine makes one. */
export function nameOf(inputs: { name?: string | undefined }, context: Context): string {
  return inputs.name ?? `${context.name}-${randomBytes(4).toString("hex").slice(0, 7)}`;
}

/** Change name and labels, which every kind can. */
export async function rename(path: string, inputs: { name?: string | undefined; labels?: Record<string, string> | undefined }, changed: ReadonlySet<string>, context: Context): Promise<void> {
  if (!changed.has("name") && !changed.has("labels")) return;
  await context.hcloud.put(path, { ...(inputs.name === undefined ? {} : { name: inputs.name }), labels: inputs.labels ?? {} }, anything);
}
