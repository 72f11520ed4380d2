import type { Books } from "./books.ts";
import { notFound } from "./errors.ts";
import { listing } from "./listing.ts";
import type { ActionRecord, ResourceType } from "./records.ts";
import { get, type Route } from "./route.ts";

export function actionView(action: ActionRecord): object {
  return { ...action, resources: action.resources.map((ref) => ({ id: ref.id, type: ref.type })) };
}

/** `/actions` (by id, as every client polls) and the lists below each kind of resource. */
export const actionRoutes: readonly Route[] = [
  get("/actions", ({ books, query }) => {
    const wanted = query.getAll("id").map(Number);
    return view([...books.actions.records.values()].filter((it) => wanted.length === 0 || wanted.includes(it.id)), query);
  }),
  get("/actions/{id}", ({ books, id }) => ({ action: actionView(books.actions.get(id)) })),
  ...kind("server", "/servers", (books, id) => books.server(id)),
  ...kind("volume", "/volumes", (books, id) => books.volume(id)),
  ...kind("firewall", "/firewalls", (books, id) => books.firewall(id)),
  ...kind("primary_ip", "/primary_ips", (books, id) => books.primaryIp(id)),
  ...kind("network", "/networks", (books, id) => books.network(id)),
];

function view(actions: Iterable<ActionRecord>, query: URLSearchParams): object {
  const { items, meta } = listing(actions, query);
  return { actions: items.map(actionView), meta };
}

function kind(type: ResourceType, path: string, exists: (books: Books, id: number) => unknown): Route[] {
  const concerns = (action: ActionRecord, id: number): boolean => action.resources.some((ref) => ref.type === type && ref.id === id);
  return [
    get(`${path}/actions`, ({ books, query }) =>
      view([...books.actions.records.values()].filter((it) => it.resources.some((ref) => ref.type === type)), query)),
    get(`${path}/actions/{id}`, ({ books, id }) => ({ action: actionView(books.actions.get(id)) })),
    get(`${path}/{id}/actions`, ({ books, id, query }) => {
      exists(books, id);
      return view(books.actions.of({ type, id }), query);
    }),
    get(`${path}/{id}/actions/{action_id}`, ({ books, id, actionId }) => {
      const action = books.actions.get(actionId);
      if (!concerns(action, id)) throw notFound("action", actionId);
      return { action: actionView(action) };
    }),
  ];
}
