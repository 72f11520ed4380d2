import { z } from "zod";
import { actionView } from "./action-routes.ts";
import { assertUniqueName, type Books } from "./books.ts";
import { parseCidr } from "./cidr.ts";
import { ApiError } from "./errors.ts";
import { matchesSelector } from "./labels.ts";
import { listing } from "./listing.ts";
import type { ActionRecord, FirewallRecord, FirewallTarget } from "./records.ts";
import { get, id, labels, name, post, put, remove, rename, renaming, type Route } from "./route.ts";

const cidr = z.string().refine((text) => parseCidr(text) !== undefined, "is not a network in CIDR notation without host bits");
const port = /^(any|([1-9]\d{0,4})(-([1-9]\d{0,4}))?)$/;

const rule = z
  .object({
    direction: z.enum(["in", "out"]),
    protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
    port: z.string().regex(port, "is not a port, a range of ports, or 'any'").nullish(),
    source_ips: z.array(cidr).max(100).nullish(),
    destination_ips: z.array(cidr).max(100).nullish(),
    description: z.string().max(255).nullish(),
  })
  .superRefine((given, context) => {
    const hasPorts = given.protocol === "tcp" || given.protocol === "udp";
    if (hasPorts !== (typeof given.port === "string")) context.addIssue({ code: "custom", path: ["port"], message: hasPorts ? "is required for tcp and udp" : `must be absent for ${given.protocol}` });
    const ranges = given.direction === "in" ? "source_ips" : "destination_ips";
    if ((given[ranges] ?? []).length === 0) context.addIssue({ code: "custom", path: [ranges], message: `is required for direction '${given.direction}'` });
  })
  .transform((given) => ({
    direction: given.direction,
    protocol: given.protocol,
    port: given.port ?? null,
    sourceIps: given.source_ips ?? [],
    destinationIps: given.destination_ips ?? [],
    description: given.description ?? null,
  }));
const rules = z.array(rule).max(50);
const target = z.union([
  z.object({ type: z.literal("server"), server: z.object({ id }) }).transform((it): FirewallTarget => ({ type: "server", server: it.server.id })),
  z.object({ type: z.literal("label_selector"), label_selector: z.object({ selector: z.string().min(1) }) })
    .transform((it): FirewallTarget => ({ type: "label_selector", selector: it.label_selector.selector })),
]);
const targets = z.array(target);
const creation = z.object({ name, labels, rules: rules.nullish(), apply_to: targets.nullish() });

function view(books: Books, firewall: FirewallRecord): object {
  return {
    id: firewall.id,
    name: firewall.name,
    labels: firewall.labels,
    created: firewall.created,
    rules: firewall.rules.map((it) => ({
      direction: it.direction, protocol: it.protocol, port: it.port, source_ips: it.sourceIps, destination_ips: it.destinationIps, description: it.description,
    })),
    applied_to: firewall.targets.map((it) =>
      it.type === "server"
        ? { type: "server", server: { id: it.server } }
        : {
            type: "label_selector",
            label_selector: { selector: it.selector },
            applied_to_resources: [...books.servers.values()].filter((server) => matchesSelector(server.labels, it.selector)).map((server) => ({ type: "server", server: { id: server.id } })),
          }),
  };
}

export const firewallRoutes: readonly Route[] = [
  get("/firewalls", ({ books, query }) => {
    const { items, meta } = listing(books.firewalls.values(), query);
    return { firewalls: items.map((it) => view(books, it)), meta };
  }),
  get("/firewalls/{id}", ({ books, id: firewallId }) => ({ firewall: view(books, books.firewall(firewallId)) })),
  post("/firewalls", creation, ({ books, body }) => {
    assertUniqueName(books.firewalls, "firewall", body.name);
    const firewall: FirewallRecord = { id: books.nextId(), name: body.name, labels: body.labels, created: new Date().toISOString(), rules: body.rules ?? [], targets: [] };
    for (const it of body.apply_to ?? []) assertTarget(books, it);
    books.firewalls.set(firewall.id, firewall);
    firewall.targets = body.apply_to ?? [];
    return { firewall: view(books, firewall), actions: reapply(books, firewall, "apply_firewall", affected(books, firewall.targets)).map(actionView) };
  }),
  put("/firewalls/{id}", renaming, ({ books, id: firewallId, body }) => {
    const firewall = books.firewall(firewallId);
    if (typeof body.name === "string") assertUniqueName(books.firewalls, "firewall", body.name, firewallId);
    rename(firewall, body);
    return { firewall: view(books, firewall) };
  }),
  remove("/firewalls/{id}", ({ books, id: firewallId }) => {
    const firewall = books.firewall(firewallId);
    if (firewall.targets.length > 0) throw new ApiError("resource_in_use", `firewall with ID '${firewallId}' is still in use`);
    books.firewalls.delete(firewallId);
    return undefined;
  }),
  post("/firewalls/{id}/actions/set_rules", z.object({ rules }), ({ books, id: firewallId, body }) => {
    const firewall = books.firewall(firewallId);
    firewall.rules = body.rules;
    const own = books.actions.start("set_firewall_rules", [{ type: "firewall", id: firewallId }], () => undefined);
    return { actions: [own, ...reapply(books, firewall, "apply_firewall", affected(books, firewall.targets))].map(actionView) };
  }),
  post("/firewalls/{id}/actions/apply_to_resources", z.object({ apply_to: targets.min(1) }), ({ books, id: firewallId, body }) => {
    const firewall = books.firewall(firewallId);
    for (const it of body.apply_to) {
      assertTarget(books, it);
      if (firewall.targets.some((other) => same(other, it))) throw new ApiError("firewall_already_applied", `firewall '${firewallId}' is already applied to the resource`);
    }
    firewall.targets.push(...body.apply_to);
    return { actions: reapply(books, firewall, "apply_firewall", affected(books, body.apply_to)).map(actionView) };
  }),
  post("/firewalls/{id}/actions/remove_from_resources", z.object({ remove_from: targets.min(1) }), ({ books, id: firewallId, body }) => {
    const firewall = books.firewall(firewallId);
    for (const it of body.remove_from) {
      if (!firewall.targets.some((other) => same(other, it))) throw new ApiError("firewall_resource_not_found", `firewall '${firewallId}' is not applied to the resource`);
    }
    firewall.targets = firewall.targets.filter((it) => !body.remove_from.some((other) => same(other, it)));
    return { actions: reapply(books, firewall, "remove_firewall", affected(books, body.remove_from)).map(actionView) };
  }),
];

function assertTarget(books: Books, it: FirewallTarget): void {
  if (it.type === "server" && !books.servers.has(it.server)) throw new ApiError("firewall_resource_not_found", `server with ID '${it.server}' not found`);
}

function same(a: FirewallTarget, b: FirewallTarget): boolean {
  return a.type === "server" ? b.type === "server" && a.server === b.server : b.type === "label_selector" && a.selector === b.selector;
}

function affected(books: Books, applied: readonly FirewallTarget[]): number[] {
  const servers = [...books.servers.values()].filter((server) => applied.some((it) => (it.type === "server" ? it.server === server.id : matchesSelector(server.labels, it.selector))));
  return servers.map((server) => server.id);
}

/** One action a server, as the API has it. */
function reapply(books: Books, firewall: FirewallRecord, command: string, servers: readonly number[]): ActionRecord[] {
  return servers.map((server) =>
    books.actions.start(command, [{ type: "server", id: server }, { type: "firewall", id: firewall.id }], () => books.applyFirewalls(server)));
}
