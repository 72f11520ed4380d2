import { connectionBudget } from "../../redis/budget.ts";
import { type ConnectionKind, queueOf } from "../../redis/clients.ts";
import { attributed, nameConnection } from "../attribution.ts";
import { onNode, onServer } from "../advice.ts";
import { managedConnections } from "../managed-connections.ts";
import { judgedInstances, nodeOf } from "../nodes.ts";
import { type CheckId, RULES } from "../rules.ts";
import type { Facts } from "../seen.ts";
import { servingContainer } from "../services.ts";
import type { Check, Connection, Expectations, Instance } from "../types.ts";
import { fail, pass, providerManaged, PROVIDER_MANAGED, unknown, verdict } from "../verdict.ts";
import { plural } from "../words.ts";

/** Connections to Redis, per process and kind, against what each process is declared to open. */

const KINDS = ["client", "subscriber", "blocked", "other"] as const satisfies readonly ConnectionKind[];

/** What is missing, in words. Empty when every process holds all that it must. */
export function lacks(connections: readonly Connection[], expectations: Expectations): string[] {
  return judgedInstances(expectations).flatMap(({ holder, process }) => {
    const own = connections.filter((connection) => connection.holder === holder);
    const budget = connectionBudget(expectations.queues.length, expectations.processes[process]);
    return KINDS.flatMap((kind) => {
      const ofKind = own.filter((connection) => connection.kind === kind);
      const queueless = lackingQueues(ofKind, kind, expectations);
      if (ofKind.length >= budget[kind] && (kind !== "blocked" || queueless.length === 0 || budget[kind] === 0)) return [];
      const which = queueless.length > 0 && queueless.length < expectations.queues.length ? ` (none for ${queueless.join(", ")})` : "";
      return [`${holder} has ${ofKind.length} of ${budget[kind]} ${kind} connections${which}`];
    });
  });
}

/** Queues that no connection names. Bull itself names only its blocked clients, so for the other kinds this is only a hint. */
function lackingQueues(connections: readonly Connection[], kind: ConnectionKind, { queues }: Expectations): string[] {
  const named = new Set(connections.map((connection) => queueOf(connection, queues)));
  // A blocked client that carries no queue's name is another library's: then counting is all that can be done.
  if (named.has(undefined) && (kind === "blocked" || connections.every((connection) => connection.name === ""))) return [];
  return queues.filter((queue) => !named.has(queue));
}

/** What a process holds above its maximum: those without a name that fits first, then the youngest. */
export function surplus(connections: readonly Connection[], expectations: Expectations): { holder: string; process: Instance["process"]; kind: ConnectionKind; most: number; held: number; over: Connection[] }[] {
  const { queues, processes } = expectations;
  return judgedInstances(expectations).flatMap(({ holder, process }) => {
    const budget = connectionBudget(queues.length, processes[process]);
    const own = connections.filter((connection) => connection.holder === holder);
    const early = notYetSubscribed(own, budget.subscriber);
    return KINDS.flatMap((kind) => {
      const held = own.filter((connection) => connection.kind === kind && !early.has(connection));
      const most = budget[kind];
      if (held.length <= most) return [];
      const over = suspects(held, queues).slice(0, held.length - most);
      return [{ holder, process, kind, most, held: held.length, over }];
    });
  });
}

/**
 * A process that waits for Redis at its start has its subscribers open and not subscribed, such as while the disk refuses writes and PING with them.
 * They are missing (`lacks`), and no client too many.
 */
function notYetSubscribed(own: readonly Connection[], subscribers: number): ReadonlySet<Connection> {
  const missing = subscribers - own.filter(({ kind }) => kind === "subscriber").length;
  return new Set(own.filter(({ kind, name }) => kind === "client" && /^[^:]+:subscriber:/.test(name)).slice(0, Math.max(0, missing)));
}

/** The most suspicious first: no queue's name, a name that another holds already, then the youngest. */
function suspects(held: readonly Connection[], queues: readonly string[]): Connection[] {
  const oldestFirst = held.toSorted((a, b) => b.ageSeconds - a.ageSeconds || Number(a.id) - Number(b.id));
  const taken = new Set<string>();
  const strange = new Map(oldestFirst.map((connection) => {
    const queue = queueOf(connection, queues);
    const points = queue === undefined ? 2 : taken.has(queue) ? 1 : 0;
    if (queue !== undefined) taken.add(queue);
    return [connection.id, points];
  }));
  return oldestFirst.toReversed().toSorted((a, b) => (strange.get(b.id) ?? 0) - (strange.get(a.id) ?? 0));
}

/** Those of nobody that the release names. */
export function foreigners(connections: readonly Connection[], expectations: Expectations): Connection[] {
  const own = new Set([...judgedInstances(expectations), ...(expectations.node?.others ?? [])].map(({ holder }) => holder));
  return connections.filter((connection) => !own.has(connection.holder));
}

/** Runs a judgement of the connections, once both Redis's list and the containers' addresses are known. */
function judge(id: CheckId, facts: Facts, expectations: Expectations, expected: string, rule: (connections: readonly Connection[]) => Check): Check {
  const { clients } = facts.seen.redis;
  const managed = expectations.redis.managed !== null;
  if (!clients.known && managed && clients.why.startsWith(PROVIDER_MANAGED)) return providerManaged(id, clients.why.slice(PROVIDER_MANAGED.length + 2), expected);
  if (!clients.known) return unknown(id, clients.why, expected);
  // There the containers' addresses say nothing: this server has one.
  if (!managed && !facts.host.containers.known && id !== "connections.total") return unknown(id, `whose they are is not known: ${facts.host.containers.why}`, expected);
  return rule(attributed(facts, expectations));
}

function budgetWords(expectations: Expectations): string {
  const { queues, processes } = expectations;
  return judgedInstances(expectations).map(({ holder, process }) => {
    const budget = connectionBudget(queues.length, processes[process]);
    const parts = KINDS.filter((kind) => budget[kind] > 0).map((kind) => `${budget[kind]} ${kind}`);
    return `${holder} ${parts.join(" ")}`;
  }).join(", ");
}

/** The line of the budget that a surplus exceeds: what the process is declared to do, and what that opens. */
function budgetLine(process: Instance["process"], kind: ConnectionKind, { queues, processes }: Expectations): string {
  const { listens, processes: works } = processes[process];
  const each = `one a queue, ${plural(queues.length, "queue")}`;
  const lines: Record<ConnectionKind, string> = {
    client: each,
    subscriber: works ? `it processes: ${each}` : listens ? `it listens: ${each}` : `${process}.listens and ${process}.processes are false`,
    blocked: works ? `it processes: ${each}` : `${process}.processes is false`,
    other: "no replica and no monitor",
  };
  return lines[kind];
}

export function connectionsRequired(facts: Facts, expectations: Expectations): Check {
  const expected = budgetWords(expectations);
  return judge("connections.required", facts, expectations, expected, (connections) =>
    verdict("connections.required", lacks(connections, expectations), expected, expected));
}

export function connectionsMaximum(facts: Facts, expectations: Expectations): Check {
  const expected = `at most ${budgetWords(expectations)}`;
  return judge("connections.maximum", facts, expectations, expected, (connections) => {
    const found = surplus(connections, expectations);
    const faults = found.map(({ holder, process, kind, most, held, over }) =>
      `${holder}${besideOthers(holder, expectations) ? `, or who else is on node ${nodeOf(holder) ?? ""},` : ""} holds ${held} ${kind} connections, ${most} allowed (${budgetLine(process, kind, expectations)}): ${over.map(nameConnection).join("; ")}`);
    if (faults.length === 0) return pass("connections.maximum", "none above its maximum", expected);
    const unsure = [...new Set(found.flatMap(({ holder }) => (besideOthers(holder, expectations) ? nodeOf(holder) ?? [] : [])))];
    const first = unsure.map((name) => ` \`berth verify --node=${name}\` tells the containers there apart (connections.foreign).`).join("");
    const restarts = [...new Set(found.flatMap(({ process, over }) => over.flatMap((connection) => letGo(connection, process, facts, expectations) ?? [])))];
    const now = restarts.length === 0 ? "" : ` Until then, this lets go of them: ${restarts.join(", ")}.`;
    return fail("connections.maximum", faults.join("; "), expected, `${RULES["connections.maximum"].todo}${first}${now}`);
  });
}

/** Whether what another node's process holds cannot be told from what others on that node do: Redis is there, and knows them by addresses of its own containers. */
function besideOthers(holder: string, expectations: Expectations): boolean {
  return expectations.node?.redis === "elsewhere" && judgedInstances(expectations).some((instance) => instance.holder === holder && instance.address === null);
}

/** The restart of the container that holds a connection, on its node; undefined where it is not known. */
function letGo({ holder, container }: Connection, process: Instance["process"], { host }: Facts, expectations: Expectations): string | undefined {
  const { node, project } = expectations;
  if (besideOthers(holder, expectations)) return undefined;
  const other = nodeOf(holder);
  // Another node's containers are not seen from here; Compose gives them the same names there.
  if (other !== undefined) return onNode(other, "docker restart", `${project}-${process}-1`);
  const name = container ?? (node === undefined ? undefined : servingContainer(host, process)?.name);
  return name === undefined ? undefined : onServer("docker restart", name);
}

export function connectionsTotal(facts: Facts, expectations: Expectations): Check {
  const expected = `at most ${expectations.connectionCeiling}`;
  return judge("connections.total", facts, expectations, expected, (connections) => {
    const holders = [...new Set(connections.map((connection) => connection.holder))].toSorted();
    const parts = holders.map((holder) => `${holder} ${connections.filter((connection) => connection.holder === holder).length}`);
    const said = `${connections.length}${parts.length === 0 ? "" : ` (${parts.join(", ")})`}`;
    if (connections.length > expectations.connectionCeiling) return verdict("connections.total", [said], said, expected);
    return expectations.redis.managed === null ? pass("connections.total", said, expected) : withinPlan(facts, expectations, said, expected);
  });
}

/** From here on the next restart, which opens more for a moment, may find the door shut. */
const PLAN_WARNS = 0.8;

/** A managed Redis has other users too, who are not ours to judge; but the plan's limit is for all of them. */
function withinPlan({ seen }: Facts, expectations: Expectations, said: string, expected: string): Check {
  const { clients, ownHost } = seen.redis;
  const { managed } = expectations.redis;
  if (!clients.known || managed === null) return pass("connections.total", said, expected);
  const { others } = managedConnections(clients.value, ownHost, expectations);
  const all = clients.value.length;
  const words = `${said}${others === 0 ? "" : `; ${others} of others`}, of ${managed.connections} in the plan`;
  return pass("connections.total", words, expected, all > managed.connections * PLAN_WARNS ? "over 80 % of what the provider allows: a larger plan, or fewer users of this Redis" : undefined);
}

export function connectionsForeign(facts: Facts, expectations: Expectations): Check {
  const expected = "none but the application's";
  return judge("connections.foreign", facts, expectations, expected, (connections) => {
    const strangers = foreigners(connections, expectations);
    if (strangers.length === 0) return verdict("connections.foreign", [], "none", expected);
    // Docker's name service knows a container by its name.
    const named = [...new Set(strangers.map(({ holder }) => holder))].filter((holder) => /^[a-zA-Z][\w.-]*$/.test(holder) && holder !== "unknown" && holder !== "host");
    const now = named.length === 0 ? "" : ` Now: ${named.map((name) => onServer("docker stop", name)).join(", ")}.`;
    return fail("connections.foreign", `${plural(strangers.length, "connection")}: ${strangers.map(nameConnection).join("; ")}`, expected, `${RULES["connections.foreign"].todo}${now}`);
  });
}
