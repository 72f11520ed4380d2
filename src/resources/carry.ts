import * as pulumi from "@pulumi/pulumi";
import type { Client } from "ssh2";
import { publicKey } from "../config/keys.ts";
import { DATA_ROLES, type DataRole, type Layout } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { DEPLOY_USER } from "../host/cloud-init.ts";
import type { SshTarget } from "../ssh.ts";
import { dial, runOn, stream } from "../ssh-streams.ts";
import { stopCommand } from "./resize.ts";

/**
 * Moves the data of Redis and Postgres to the node that the configuration names, before the release that expects it there. What is to be
 * moved is read off the hosts: the first node keeps the book (server/data.sh). So an interrupted move is taken up by the next update, in
 * whichever direction that one goes, and the host refuses a release whose data is not where its service is.
 */

const DATA = "sudo /opt/berth/scripts/current/berth data";
const START = "sudo systemctl restart berth.service";

/** Where a role's data is, and where it is to be. Null: on the first node; else a private address. */
export interface Move {
  readonly role: DataRole;
  readonly from: string | null;
  readonly to: string | null;
}

/**
 * What must be moved.
 * @param book lines `ROLE here|none ADDRESS|-` of `berth data` on the first node
 * @param wanted where each role is to be; undefined for one that is placed nowhere
 */
export function movesOf(book: string, wanted: Readonly<Record<DataRole, string | null | undefined>>): Move[] {
  return DATA_ROLES.flatMap((role): Move[] => {
    const [, has, at] = book.split("\n").map((line) => line.trim().split(" ")).find(([name]) => name === role) ?? [];
    const to = wanted[role];
    if (has === undefined || at === undefined || to === undefined) return [];
    // As long as the first node's copy has its name, it is the one that was last written.
    const from = has === "here" && (at === "-" || to !== null) ? null : at === "-" ? undefined : at;
    return from === undefined || from === to ? [] : [{ role, from, to }];
  });
}

/** Addresses of the workers of the release that runs. */
export function workersOf(book: string): string[] {
  return book.split("\n").filter((line) => line.startsWith("workers")).flatMap((line) => line.trim().split(/\s+/).slice(1));
}

export interface Carrying {
  readonly first: SshTarget;
  readonly wanted: Readonly<Record<DataRole, string | null | undefined>>;
  readonly project: string;
  readonly uids: Readonly<Record<DataRole, number>>;
  readonly say: (line: string) => void;
}

/** Carry what must be carried; nothing is touched when all is where it is to be. @returns what was moved */
export async function carry({ first, wanted, project, uids, say }: Carrying): Promise<Move[]> {
  const main = await dial(first);
  const others = new Map<string, Client>();
  const at = async (address: string | null): Promise<Client> => {
    if (address === null) return main;
    const known = others.get(address) ?? (await dial({ ...first, host: address, port: 22 }, main));
    others.set(address, known);
    return known;
  };
  const stopped: Client[] = [];
  const must = async (client: Client, command: string, what: string): Promise<string> => {
    const { code, stdout, stderr } = await runOn(client, command);
    if (code !== 0) throw new Error(`${what}: exit 0 is required, found ${code}: ${stderr.trim() || "nothing said"}`);
    return stdout;
  };
  const halt = async (client: Client, what: string): Promise<void> => {
    if (stopped.includes(client)) return;
    stopped.push(client);
    await must(client, stopCommand(project), `stop ${what}`);
  };
  try {
    const book = await must(main, `test ! -x /opt/berth/scripts/current/berth || ${DATA}`, "ask the first node where the data is");
    const moves = movesOf(book, wanted);
    if (moves.length === 0) return [];
    for (const { role, from, to } of moves) say(`moving the data of ${role}: from ${from ?? "the first node"} to ${to ?? "the first node"}; the application stops meanwhile`);
    // In order: who takes jobs, who gives them with what they are kept in, then the new home, which has begun empty.
    for (const address of workersOf(book)) await halt(await at(address), `the worker at ${address}`);
    await halt(main, "the first node");
    for (const { from, to } of moves) for (const address of [from, to]) if (address !== null) await halt(await at(address), `the node at ${address}`);
    for (const { role, from, to } of moves) {
      const [source, target] = [await at(from), await at(to)];
      await stream({ client: source, command: `${DATA} give ${role}` }, { client: target, command: `${DATA} take ${role} ${uids[role]}` });
      // The book first: with both copies there and the same, either direction is right.
      if (to !== null) await must(main, `${DATA} at ${role} ${to}`, `write down where ${role} is`);
      await must(source, `${DATA} gave ${role}`, `put the old copy of ${role} aside`);
      if (to === null) await must(main, `${DATA} at ${role}`, `write down where ${role} is`);
      say(`moved the data of ${role}, every file compared with its sum; the old copy is kept under another name`);
    }
    for (const { to } of moves) if (to !== null) await must(await at(to), START, `start the node at ${to}`);
    return moves;
  } catch (error) {
    // The old release goes on where it can; it refuses to where its data has gone.
    for (const client of stopped) await runOn(client, `${START} --no-block`).catch(() => undefined);
    throw new Error(`${error instanceof Error ? error.message : String(error)}. No data is lost: each copy keeps its place until the new one is proved. Run the same command again: the move goes on`, { cause: error });
  } finally {
    for (const client of [...others.values(), main]) client.end();
  }
}

/** Runs before the first node's release, which is the first to rely on where the data is. */
export function carryData(config: Config, layout: Layout, address: pulumi.Output<string>): pulumi.ResourceHook {
  const host = new Promise<string>((resolve) => address.apply(resolve));
  const place = (role: DataRole): string | null | undefined => {
    const holder = layout.holder[role];
    return holder === undefined ? undefined : holder.first ? null : holder.address;
  };
  return new pulumi.ResourceHook("carry-data", async () => {
    await carry({
      first: { host: await host, user: DEPLOY_USER, privateKey: config.secrets.deployKey.reveal(), hostKey: publicKey(config.secrets.hostKey) },
      wanted: { redis: place("redis"), postgres: place("postgres") },
      project: config.project,
      uids: { redis: config.redis.uid, postgres: config.postgres.uid },
      say: (line) => void pulumi.log.info(line),
    });
  });
}
