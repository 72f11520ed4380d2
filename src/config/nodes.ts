import { isManaged } from "./managed.ts";
import { type Role, ROLES } from "./roles.ts";
import type { Config } from "./schema.ts";

/** Where the roles of a stack stand: `nodes` of the configuration turned into machines, in the order in which they are released. */

/** Roles with data: each on a volume, and moved with it. */
export const DATA_ROLES = ["redis", "postgres"] as const satisfies readonly Role[];
export type DataRole = (typeof DATA_ROLES)[number];

/** One machine. */
export interface Node {
  /** Unique in the stack: the name in `nodes`, with `-2`, `-3` … for the further ones of a count. */
  readonly name: string;
  /** Key under `nodes`. */
  readonly kind: string;
  /** The node with the proxy. It is the stack's first server whatever its name: its address is the stack's, its resources have the short names. */
  readonly first: boolean;
  /** In the order of `ROLES`. */
  readonly roles: readonly Role[];
  readonly serverType: string;
  /** Null where nothing is kept. */
  readonly volume: { readonly sizeGb: number; readonly id: number | undefined } | null;
  /** On the private network; null when there is but one node. */
  readonly address: string | null;
}

/** All machines of a stack. */
export interface Layout {
  /** In the order of their releases: data alone, the node with the proxy, the API where it is apart from it, workers. */
  readonly nodes: readonly Node[];
  readonly first: Node;
  /** Released last: what needs the whole application is judged there. */
  readonly last: Node;
  /** Who holds the data; undefined for a role that is placed nowhere. */
  readonly holder: Readonly<Record<DataRole, Node | undefined>>;
  /** Nodes with a process of the application. */
  readonly users: readonly Node[];
  /** Nodes with the API: the proxy's own, or one or several others. */
  readonly apis: readonly Node[];
}

/** A machine among the others: what every renderer of it needs. */
export interface Here {
  readonly node: Node;
  readonly layout: Layout;
}

/** Name of the one node when `nodes` says nothing. */
const ONLY = "main";

/** Roles that some node must have: not Redis where that is a provider's. */
export function placedRoles(config: Config): readonly Role[] {
  return isManaged(config) ? ROLES.filter((role) => role !== "redis") : ROLES;
}

/** `nodes` as written, or all on one. */
function kindsOf(config: Config): [string, Config["nodes"][string]][] {
  const entries = Object.entries(config.nodes);
  return entries.length > 0 ? entries : [[ONLY, { roles: [...placedRoles(config)], count: 1 }]];
}

/** How many run of a process of the application, over all nodes. */
export function processCount(config: Config, process: "api" | "worker"): number {
  return kindsOf(config).reduce((sum, [, { roles, count }]) => sum + (roles.includes(process) ? count : 0), 0);
}

/** Names of the machines that one entry of `nodes` means. The first keeps the plain name, so that a raised count adds and renames none. */
export function instanceNames(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => (index === 0 ? kind : `${kind}-${index + 1}`));
}

/** Every machine of the stack. The configuration is taken to be free of faults. */
export function layoutOf(config: Config): Layout {
  const kinds = kindsOf(config);
  const joined = kinds.length > 1 || kinds.some(([, { count }]) => count > 1);
  const machines = kinds.flatMap(([kind, node]) => instanceNames(kind, node.count).map((name) => ({ kind, name, node })));
  const firstName = machines.find(({ node }) => node.roles.includes("proxy"))?.name;
  const addresses = joined ? addressesOf(config.network.range, machines.map(({ name, node }) => ({ name, data: keepsData(node.roles) })), firstName) : new Map<string, string>();
  const nodes = machines.map(({ kind, name, node }): Node => {
    const first = name === firstName;
    const roles = ROLES.filter((role) => node.roles.includes(role));
    return {
      name,
      kind,
      first,
      roles,
      serverType: node.serverType ?? config.server.type,
      // The proxy keeps its certificates on one.
      volume: keepsData(roles) ? { sizeGb: node.volumeSizeGb ?? config.volume.sizeGb, id: node.volumeId ?? (first ? config.volume.id : undefined) } : null,
      address: addresses.get(name) ?? null,
    };
  }).toSorted((a, b) => rank(a) - rank(b) || (a.kind === b.kind ? ordinal(a) - ordinal(b) : a.kind < b.kind ? -1 : 1));
  const first = nodes.find((node) => node.first) ?? nodes[0];
  const last = nodes.at(-1);
  if (first === undefined || last === undefined) throw new Error("placing the roles: at least one node is required, found none");
  const holder = { redis: nodes.find(({ roles }) => roles.includes("redis")), postgres: nodes.find(({ roles }) => roles.includes("postgres")) };
  return { nodes, first, last, holder, users: nodes.filter(usesData), apis: nodes.filter(({ roles }) => roles.includes("api")) };
}

/** The machine with the proxy, among the others: on a stack of one node, that node. */
export function firstOf(config: Config): Here {
  const layout = layoutOf(config);
  return { node: layout.first, layout };
}

/** Every machine among the others, in the order of their releases. */
export function everywhere(config: Config): Here[] {
  const layout = layoutOf(config);
  return layout.nodes.map((node) => ({ node, layout }));
}

export function keepsData(roles: readonly Role[]): boolean {
  return roles.some((role) => role === "redis" || role === "postgres" || role === "proxy");
}

function usesData({ roles }: Pick<Node, "roles">): boolean {
  return roles.includes("api") || roles.includes("worker");
}

/** Whether a role stands on this node. */
export function serves({ node }: Here, role: Role): boolean {
  return node.roles.includes(role);
}

/** Whether processes here speak to Redis and Postgres. */
export function usesDataHere({ node }: Here): boolean {
  return usesData(node);
}

/** Whether the whole application is judged from here. */
export function isLast({ node, layout }: Here): boolean {
  return node === layout.last;
}

/** Where the migration runs: no process of a new release is before it. Undefined where nothing of the application is placed. */
export function migratorOf({ users }: Layout): Node | undefined {
  return users[0];
}

/** Nodes with the API that the proxy here reaches over the private network; none where it is beside it, and where no proxy is. */
export function remoteApis(here: Here): readonly Node[] {
  return serves(here, "proxy") && !serves(here, "api") ? here.layout.apis : [];
}

/** Where a role with data is that this node speaks to over the private network; undefined when it is here, placed nowhere, or not needed here. */
export function remoteHolder(here: Here, role: DataRole): Node | undefined {
  const holder = here.layout.holder[role];
  return holder === undefined || holder === here.node || !usesDataHere(here) ? undefined : holder;
}

/** Nodes that speak to a role of this node over the private network. */
export function remoteUsers(here: Here, role: DataRole): readonly Node[] {
  return here.layout.holder[role] === here.node ? here.layout.users.filter((node) => node !== here.node) : [];
}

/**
 * Data before whoever uses it. The first node before the API also where that is apart: it keeps the book of where data is, and moves it before
 * anything of the application starts. Workers last, so that what judges the whole finds an API to send a job.
 */
function rank({ first, roles }: Node): number {
  if (first) return 1;
  if (roles.includes("api")) return 2;
  return roles.includes("worker") ? 3 : 0;
}

function ordinal({ name, kind }: Node): number {
  return name === kind ? 1 : Number(name.slice(kind.length + 1));
}

/** Addresses that a range of this many bits can give: not the network's own, its router's (.1) and its last. */
export function addressRoom(range: string): number {
  return 2 ** (32 - Number(range.split("/")[1])) - 3;
}

/**
 * An address for each name: the first node has the first after the router's; the others have what a hash of their name says, so that
 * a node that comes or goes moves no other. Where two names meet, which a small range makes likely, one that keeps data goes before one that
 * does not (two that keep data are refused: `addressClash`), and the later in the alphabet takes the next free one.
 */
function addressesOf(range: string, machines: readonly { readonly name: string; readonly data: boolean }[], firstName: string | undefined): Map<string, string> {
  const base = toNumber(range.split("/")[0] ?? "");
  const room = addressRoom(range);
  const taken = new Set<number>();
  const found = new Map<string, string>();
  const give = (name: string, wanted: number): void => {
    let offset = wanted;
    while (taken.has(offset)) offset = (offset + 1) % room;
    taken.add(offset);
    found.set(name, toText(base + 2 + offset));
  };
  if (firstName !== undefined) give(firstName, 0);
  const others = machines.filter(({ name }) => name !== firstName);
  for (const keeps of [true, false]) for (const name of others.filter(({ data }) => data === keeps).map((it) => it.name).toSorted()) give(name, offsetOf(name, room));
  return found;
}

function offsetOf(name: string, room: number): number {
  return 1 + (fnv1a(name) % (room - 1));
}

/** Two names, of nodes besides the first, whose address in this range would be the same. */
export function addressClash(range: string, names: readonly string[]): readonly [string, string] | undefined {
  const room = addressRoom(range);
  const [one, two] = names.flatMap((name, index) => names.slice(index + 1).map((other): [string, string] => [name, other])).find(([a, b]) => offsetOf(a, room) === offsetOf(b, room)) ?? [];
  return one === undefined || two === undefined ? undefined : [one, two];
}

/** FNV-1a, 32 bits (draft-eastlake-fnv): spreads short names well enough to give them addresses. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

function toNumber(address: string): number {
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
}
