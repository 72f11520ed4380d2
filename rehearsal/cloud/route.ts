import { z } from "zod";
import type { Books } from "./books.ts";
import { fieldFaults, invalidInput } from "./errors.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** A request as a route sees it. */
export interface Call<B> {
  readonly books: Books;
  /** Number in the path's `{id}`; 0 where it has none. */
  readonly id: number;
  /** Number in the path's `{action_id}`; 0 where it has none. */
  readonly actionId: number;
  readonly query: URLSearchParams;
  readonly body: B;
}

export interface Reply {
  readonly status: number;
  /** Undefined: no body (204). */
  readonly body?: unknown;
}

/** One line of the table: method, path, and what it does. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly handle: (call: Call<unknown>) => Reply;
}

export function get(path: string, handle: (call: Call<unknown>) => unknown): Route {
  return { method: "GET", path, handle: (call) => ({ status: 200, body: handle(call) }) };
}

/** A creation or an action: 201, as the API answers to both. */
export function post<S extends z.ZodType>(path: string, schema: S, handle: (call: Call<z.infer<S>>) => unknown): Route {
  return { method: "POST", path, handle: (call) => ({ status: 201, body: handle({ ...call, body: parse(schema, call.body) }) }) };
}

export function put<S extends z.ZodType>(path: string, schema: S, handle: (call: Call<z.infer<S>>) => unknown): Route {
  return { method: "PUT", path, handle: (call) => ({ status: 200, body: handle({ ...call, body: parse(schema, call.body) }) }) };
}

/** A deletion: 204, or 200 with a body where deleting is an action. */
export function remove(path: string, handle: (call: Call<unknown>) => unknown): Route {
  return {
    method: "DELETE",
    path,
    handle: (call) => {
      const body = handle(call);
      return body === undefined ? { status: 204 } : { status: 200, body };
    },
  };
}

function parse<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const parsed = schema.safeParse(body ?? {});
  if (!parsed.success) throw invalidInput(fieldFaults(parsed.error));
  return parsed.data;
}

/** A request whose body says nothing. */
export const empty = z.unknown();
/** Label keys and values as Kubernetes has them. */
const labelMap = z.record(
  z.string().regex(/^([a-z0-9A-Z]([a-z0-9A-Z._-]{0,251}[a-z0-9A-Z])?\/)?[a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?$/, "is not a valid label key"),
  z.string().regex(/^([a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?)?$/, "is not a valid label value"),
);
/** A client may send null for "none". */
export const labels = labelMap.nullish().transform((given) => given ?? {});
export const name = z.string().min(1, "must not be empty").max(128, "must be at most 128 characters");
export const id = z.int().positive();
/** Clients send ids as numbers, names as strings, and ids as strings too. */
export const idOrName = z.union([z.int(), z.string().min(1)]);
/** Name and labels: what PUT changes on every kind. */
export const renaming = z.object({ name: name.nullish(), labels: labelMap.nullish() });

/** Apply what a PUT carries; what it lacks stays as it is. */
export function rename(record: { name: string; labels: Record<string, string> }, body: z.infer<typeof renaming>): void {
  record.name = body.name ?? record.name;
  record.labels = body.labels ?? record.labels;
}
