import { DATA_ROLES, type DataRole } from "../config/nodes.ts";

/** What must be moved between nodes, from what they say themselves (`berth data`, server/data.sh). Pure: `carry.ts` asks and carries. */

/** What is asked for would lose data, or may: refused before anything is touched. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** Where a role's data is, and where it is to be. Null: on the first node; else a private address. */
export interface Move {
  readonly role: DataRole;
  readonly from: string | null;
  readonly to: string | null;
  /** In bytes; undefined where the node's scripts do not say. */
  readonly bytes?: number;
  /** The data is there already, and this is what a cut left to do: `aside` puts the first node's old copy aside, `book` says that it is on the first node, `stay` lets the node have it that was giving it up, and puts the first node's copy aside if that got one. */
  readonly only?: "aside" | "book" | "stay";
}

/** Where each role is to be; undefined for one that is placed nowhere. */
export type Wanted = Readonly<Record<DataRole, string | null | undefined>>;

/** What one node says of itself, and the first one of the others. */
export interface Book {
  readonly roles: Readonly<Partial<Record<DataRole, { readonly here: boolean; readonly at: string | undefined; readonly bytes: number | undefined }>>>;
  /** Roles whose move was begun and not ended. */
  readonly moving: readonly DataRole[];
  /** Roles whose copy here is being given up: nothing starts on it. */
  readonly leaving: readonly DataRole[];
  /** Free bytes for data; undefined where the scripts do not say. */
  readonly room: number | undefined;
  /** Addresses of the workers of the release that runs. */
  readonly workers: readonly string[];
}

/** @param text lines `ROLE here|none ADDRESS|- BYTES`, `moving ROLE`, `leaving ROLE`, `room BYTES`, `workers ADDRESS…`; those of older scripts have no bytes */
export function parseBook(text: string): Book {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const role = (name: DataRole): Book["roles"] => {
    const [, has, at, bytes] = lines.find(([word]) => word === name) ?? [];
    return has === undefined || at === undefined ? {} : { [name]: { here: has === "here", at: at === "-" ? undefined : at, bytes: bytes === undefined ? undefined : Number(bytes) } };
  };
  const marked = (as: string): DataRole[] => DATA_ROLES.filter((name) => lines.some(([word, of]) => word === as && of === name));
  const room = lines.find(([word]) => word === "room")?.[1];
  return {
    roles: { ...role("redis"), ...role("postgres") },
    moving: marked("moving"),
    leaving: marked("leaving"),
    room: room === undefined ? undefined : Number(room),
    workers: lines.filter(([word]) => word === "workers").flatMap(([, ...addresses]) => addresses),
  };
}

/** Nodes besides the first that must be asked before it is known what to move: where data is by the book, and where it is to go. */
export function concerned(first: Book, wanted: Wanted): string[] {
  const addresses = DATA_ROLES.flatMap((role) => {
    const [now, to] = [first.roles[role], wanted[role]];
    if (now === undefined || to === undefined) return [];
    const same = now.at === undefined ? to === null || !now.here : now.at === to && !now.here && !first.moving.includes(role);
    return same ? [] : [now.at, to].filter((it) => typeof it === "string");
  });
  return [...new Set(addresses)];
}

/**
 * What must be moved.
 * @param others what the concerned nodes say; one that is not made yet is left out
 * @throws {Refused} where it cannot be told which of two copies is right, or where one that should be there is not: nothing was touched
 */
export function movesOf(first: Book, wanted: Wanted, others: ReadonlyMap<string, Book> = new Map()): Move[] {
  return DATA_ROLES.flatMap((role): Move[] => {
    const [now, to] = [first.roles[role], wanted[role]];
    if (now === undefined || to === undefined) return [];
    const { here, at, bytes } = now;
    const move = (from: string | null, of: number | undefined, only?: Move["only"]): Move[] => [{ role, from, to, ...(of === undefined ? {} : { bytes: of }), ...(only === undefined ? {} : { only }) }];
    if (at === undefined) return here && to !== null ? move(null, bytes) : [];
    const other = others.get(at);
    const leaving = other?.leaving.includes(role) === true;
    if (at === to && !here) return leaving ? move(null, undefined, "stay") : [];
    const there = other?.roles[role];
    if (there?.here !== true) {
      if (here) return to === null ? move(at, bytes, "book") : move(null, bytes);
      throw new Refused(`move ${role}: its data is required on the node at ${at}, as the first node's book says; found nothing there. Is its volume attached, and the right one? ` +
        `If there really is none any more: sudo rm /var/lib/berth/data-${role}-at on the first node; ${role} then begins empty`);
    }
    // Who moves data writes it down first. Two copies without that are somebody's own doing, and either may be the older one.
    if (here && !first.moving.includes(role)) {
      throw new Refused(`move ${role}: one copy of its data is required, found two: on the first node, and on the node at ${at}, where it is by the first node's book. No move was under way, so which is right cannot be told. ` +
        `Put the wrong one aside: sudo mv /mnt/berth/${role} /mnt/berth/${role}.aside on its node, its service stopped; then run the same command again`);
    }
    if (at !== to) return move(at, there.bytes);
    return leaving ? move(null, undefined, "stay") : move(null, bytes, "aside");
  });
}

/** More than the bytes themselves: directories, and what a file system rounds up. */
const ROOM_FACTOR = 1.1;

/** Why a node has no room for what comes to it; undefined when it has, or does not say. */
export function roomFault(moves: readonly Move[], address: string | null, book: Book | undefined): string | undefined {
  const coming = moves.filter(({ to, only }) => to === address && only === undefined);
  const needed = Math.ceil(ROOM_FACTOR * coming.reduce((sum, { bytes = 0 }) => sum + bytes, 0));
  if (book?.room === undefined || needed <= book.room) return undefined;
  return `move ${coming.map(({ role }) => role).join(" and ")}: ${megabytes(needed)} free are required on ${placeOf(address)}, found ${megabytes(book.room)}. Give it a larger volume (volumeSizeGb of its entry in berth:nodes, or berth:volume.sizeGb), then run the same command again`;
}

/** A move in words, for a preview and for the update itself. @param name of a node by its address */
export function describe({ role, from, to, bytes, only }: Move, name: (address: string | null) => string = placeOf): string {
  if (only === "aside") return `${role}: its data was moved to ${name(to)} by an update that was cut off; the old copy on ${name(null)} will be put aside`;
  if (only === "stay") return `${role}: its data stays on ${name(to)}, which was giving it up in an update that was cut off`;
  if (only === "book") return `${role}: its data was moved to ${name(to)} by an update that was cut off; that will be written down`;
  return `${role}: its data${bytes === undefined ? "" : ` (${megabytes(bytes)})`} will be moved from ${name(from)} to ${name(to)}; the application stops meanwhile, and a copy stays on ${name(from)}`;
}

function placeOf(address: string | null): string {
  return address === null ? "the first node" : `the node at ${address}`;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`;
}
