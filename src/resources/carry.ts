import type { DataRole } from "../config/nodes.ts";
import type { SshTarget } from "../ssh.ts";
import { runOn, stream } from "../ssh-streams.ts";
import { messageOf } from "../verify/words.ts";
import { type Book, concerned, describe, type Move, movesOf, Refused, roomFault, type Wanted } from "./moves.ts";
import { again, DIAL_MS, Nodes, RENEW_MS, START } from "./node-connections.ts";

/**
 * Moves the data of Redis and Postgres to the node that the configuration names, before the release that expects it there. What is to be
 * moved is read off the hosts: the first node keeps the book (server/data.sh). So an interrupted move is taken up by the next update, in
 * whichever direction that one goes, and the host refuses a release whose data is not where its service is.
 */

/** How long an update waits for a node to be reachable through the first one, in seconds: the interface of either may appear late. As long as a release waits for its own (server/network.sh). */
const NETWORK_SECONDS = 90;
/** To sign in to a node in a preview, which goes on without it, in milliseconds. */
const LOOK_MS = 5_000;

export interface Carrying {
  readonly first: SshTarget;
  readonly wanted: Wanted;
  /** Directory of this release's scripts; where they are not laid down yet, those in place answer. */
  readonly scripts: string;
  readonly project: string;
  readonly uids: Readonly<Record<DataRole, number>>;
  /** Only what a cut move left behind is carried, and the end of it all is left to whoever carries the rest. Default: all of it. */
  readonly onlyCut?: boolean;
  /** A node in words, by its address. */
  readonly name?: (address: string | null) => string;
  readonly say: (line: string) => void;
  /** Default: `RENEW_MS`. */
  readonly renewMs?: number;
  /** Default: `NETWORK_SECONDS`. */
  readonly networkSeconds?: number;
}

interface Plan {
  readonly book: Book;
  readonly others: ReadonlyMap<string, Book>;
  readonly moves: readonly Move[];
}

interface Planning {
  /** A node that does not answer is left out: it may not be made yet. */
  readonly lenient?: boolean;
  readonly onlyCut?: boolean;
  /** Settles once a node may be asked. */
  readonly reached?: (address: string) => Promise<void>;
}

/** What is to be moved, by what the nodes say. */
async function planned(nodes: Nodes, asked: Wanted, { lenient = false, onlyCut = false, reached }: Planning): Promise<Plan> {
  const book = await nodes.book(null);
  const of = (role: DataRole): Wanted[DataRole] => (onlyCut && !book.moving.includes(role) ? undefined : asked[role]);
  const wanted: Wanted = { redis: of("redis"), postgres: of("postgres") };
  const others = new Map<string, Book>();
  for (const address of concerned(book, wanted)) {
    await reached?.(address);
    const said = await nodes.book(address).catch((error: unknown) => { if (lenient) return undefined; throw error; });
    if (said !== undefined) others.set(address, said);
  }
  const unasked = lenient && Object.values(book.roles).some(({ at }) => at !== undefined && !others.has(at) && concerned(book, wanted).includes(at));
  if (unasked) throw new Error("the node that has the data does not answer");
  const moves = movesOf(book, wanted, others);
  for (const address of new Set(moves.map(({ to }) => to))) {
    const fault = roomFault(moves, address, address === null ? book : others.get(address));
    if (fault !== undefined) throw new Refused(fault);
  }
  return { book, others, moves };
}

/** What an update would move, in words; empty when all is where it is to be. Nothing is changed. @throws {Refused} saying what would be refused */
export async function foresee({ first, wanted, scripts, name, onlyCut = false }: Pick<Carrying, "first" | "wanted" | "scripts" | "name" | "onlyCut">): Promise<string[]> {
  const nodes = new Nodes(first, scripts, LOOK_MS);
  try {
    return (await planned(nodes, wanted, { lenient: true, onlyCut })).moves.map((move) => describe(move, name));
  } finally {
    nodes.close();
  }
}

/** Carry what must be carried; nothing is touched when all is where it is to be. @returns what was moved */
export async function carry({ first, wanted, scripts, project, uids, onlyCut = false, name, say, renewMs = RENEW_MS, networkSeconds = NETWORK_SECONDS }: Carrying): Promise<readonly Move[]> {
  const nodes = new Nodes(first, scripts, DIAL_MS);
  const stopped: (string | null)[] = [];
  const armed: (string | null)[] = [];
  const superseded: (string | null)[] = [];
  // One that does not hear it this time may the next.
  const settled = again(renewMs, () => Promise.allSettled(armed.map((address) => nodes.run(address, nodes.data("stopped"), "say that the move goes on"))));
  const halt = async (address: string | null, what: string): Promise<void> => {
    if (stopped.includes(address)) return;
    stopped.push(address);
    await nodes.halt(address, { what, project, armed: () => armed.push(address) });
  };
  try {
    const { book, moves } = await planned(nodes, wanted, { onlyCut, reached: (address) => nodes.reachable(address, networkSeconds, say) });
    if (moves.length === 0) {
      if (book.moving.length > 0 && !onlyCut) await nodes.run(null, nodes.data("through"), "end the move that was given up");
      return [];
    }
    for (const move of moves) say(describe(move, name));
    // All of them answer before any of them stops. A worker that is gone keeps nothing: its jobs are in Redis, and run again.
    for (const address of moves.flatMap(({ from, to }) => [from, to])) await nodes.at(address);
    const workers: string[] = [];
    for (const address of book.workers) {
      await nodes.at(address).then(() => workers.push(address), (error: unknown) => say(`the worker at ${address} is left as it is: ${messageOf(error)}`));
    }
    for (const { role } of moves) await nodes.run(null, nodes.data(`moving ${role}`), `write down that ${role} is being moved`);
    // In order: who takes jobs, who gives them with what they are kept in, then the new home, which has begun empty.
    for (const address of workers) await halt(address, `the worker at ${address}`);
    await halt(null, "the first node");
    for (const { from, to } of moves) for (const address of [from, to]) if (address !== null) await halt(address, `the node at ${address}`);
    // All copies first, then the book: a cut on the way leaves everything where it was, and the old release may go on.
    for (const { role, from, to, only } of moves) {
      if (only !== undefined) continue;
      await stream({ client: await nodes.at(from), command: nodes.data(`give ${role}`) }, { client: await nodes.at(to), command: nodes.data(`take ${role} ${uids[role]}`) });
    }
    for (const move of moves) {
      superseded.push(move.from);
      await conclude(nodes, move, book);
      if (move.only !== "stay") say(`moved the data of ${move.role}, every file compared with its sum; the old copy is kept under another name`);
    }
    await settled();
    const homes = new Set(moves.map(({ to }) => to));
    for (const to of homes) if (to !== null) await nodes.run(to, `${nodes.data("through")}; ${START}`, `start the node at ${to}`);
    // The others wait for their releases: what they ran looks for data where it was. Where it is still, their releases may be as before, and none comes.
    const stays = moves.every(({ only }) => only === "aside" || only === "stay");
    for (const address of stopped.filter((it) => it !== null && !homes.has(it))) {
      await nodes.run(address, `${nodes.data("through")}${stays ? `; ${START} --no-block` : ""}`, `tell the node at ${address} that the move is over`).catch((error: unknown) => say(messageOf(error)));
    }
    // Not ended, the first node comes back by itself, should nobody carry the rest.
    if (!onlyCut) await nodes.run(null, nodes.data("through"), "end the move");
    return moves;
  } catch (error) {
    // The old release goes on where it can. The first node refuses to where its data has gone; another one that gave it, or may have, would begin empty.
    for (const address of stopped.filter((it) => it === null || !superseded.includes(it))) await nodes.at(address).then((client) => runOn(client, `${START} --no-block`)).catch(() => undefined);
    const said = messageOf(error);
    throw new Error(stopped.length === 0 ? `${said}. Nothing was stopped, and nothing moved` :
      `${said}. No data is lost: each copy keeps its place until the new one is proved. Run the same command again: the move goes on`, { cause: error });
  } finally {
    await settled();
    nodes.close();
  }
}

/** The copy is there: the book says so, and the old one is put aside. */
async function conclude(nodes: Nodes, { role, from, to, only }: Move, book: Book): Promise<void> {
  const written = async (): Promise<string> => nodes.run(null, nodes.data(`at ${role} ${to ?? ""}`), `write down where ${role} is`);
  if (only === "book") return void (await written());
  if (only === undefined) {
    // Should it have come back by itself meanwhile, the copy is an older one; from here on it cannot. 2: said by scripts that do not know a step.
    if (from !== null) await nodes.run(from, `${nodes.data(`leave ${role}`)} || { [ $? -eq 2 ] && ${nodes.data(`idle ${role}`)}; } || [ $? -eq 2 ]`, `see that ${role} is not written to where it was`);
    // The book first: with both copies there and the same, either direction is right.
    await written();
    await nodes.run(from, nodes.data(`gave ${role}`), `put the old copy of ${role} aside`);
  }
  // A copy that an earlier, cut move left on the first node.
  if (to !== null && from !== null && book.roles[role]?.here === true) await nodes.run(null, nodes.data(`gave ${role}`), `put the older copy of ${role} aside`);
  if (only === "aside" || (only === "stay" && book.roles[role]?.here === true)) await nodes.run(null, nodes.data(`gave ${role}`), `put the other copy of ${role} aside`);
}
