import { invalidField } from "./errors.ts";
import { type Labels, matchesSelector } from "./labels.ts";

/** The most entries one page may hold, by the API reference; 25 unless asked. */
const MAX_PER_PAGE = 50;

export interface Listed {
  readonly id: number;
  readonly name?: string | undefined;
  readonly labels?: Labels | undefined;
  readonly status?: string | undefined;
  readonly created?: string | undefined;
  /** Of actions: what they may be sorted by besides. */
  readonly command?: string | undefined;
  readonly progress?: number | undefined;
  readonly started?: string | undefined;
  readonly finished?: string | null | undefined;
}

const SORTABLE = ["id", "name", "created", "status", "command", "progress", "started", "finished"] as const;

export interface Pagination {
  readonly page: number;
  readonly per_page: number;
  readonly previous_page: number | null;
  readonly next_page: number | null;
  readonly last_page: number;
  readonly total_entries: number;
}

export interface Page<T> {
  readonly items: T[];
  readonly meta: { readonly pagination: Pagination };
}

/** Filter (`name`, `status`, `label_selector`), sort (`id:desc`, `name`, `status`, several times over) and page, as every list of the API does. */
export function listing<T extends Listed>(all: Iterable<T>, query: URLSearchParams): Page<T> {
  const names = query.getAll("name");
  const statuses = query.getAll("status");
  const selector = query.get("label_selector") ?? "";
  const found = [...all].filter(
    (item) =>
      (names.length === 0 || names.includes(item.name ?? "")) &&
      (statuses.length === 0 || statuses.includes(item.status ?? "")) &&
      matchesSelector(item.labels ?? {}, selector),
  );
  return page(sorted(found, query.getAll("sort")), query);
}

function page<T>(items: readonly T[], query: URLSearchParams): Page<T> {
  const number = positive(query, "page", 1);
  const perPage = Math.min(positive(query, "per_page", 25), MAX_PER_PAGE);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  return {
    items: items.slice((number - 1) * perPage, number * perPage),
    meta: {
      pagination: {
        page: number,
        per_page: perPage,
        previous_page: number > 1 ? number - 1 : null,
        next_page: number < last ? number + 1 : null,
        last_page: last,
        total_entries: items.length,
      },
    },
  };
}

function positive(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalidField(name, `must be a positive number, is '${text}'`);
  return Number(text);
}

function sorted<T extends Listed>(items: T[], keys: readonly string[]): T[] {
  const orders = keys.flatMap((key) => key.split(",")).map((key) => {
    const [given = "", direction = "asc"] = key.split(":");
    const field = SORTABLE.find((it) => it === given);
    if (field === undefined) throw invalidField("sort", `cannot sort by '${given}'`);
    return { field, sign: direction === "desc" ? -1 : 1 } as const;
  });
  return items.toSorted((a, b) => {
    for (const { field, sign } of orders) {
      const [left, right] = [a[field] ?? "", b[field] ?? ""];
      const order = typeof left === "number" && typeof right === "number" ? left - right : String(left).localeCompare(String(right));
      if (order !== 0) return order * sign;
    }
    return a.id - b.id;
  });
}
