/** Reader of CLIENT LIST, and what a connection is for. */

export type ConnectionKind = "client" | "subscriber" | "blocked" | "other";

/** One line of CLIENT LIST. A field that the server does not show is `undefined`. */
export interface Client {
  readonly id: string;
  /** Address and port as Redis prints them. */
  readonly address: string;
  /** The address alone: no port, no brackets, IPv4 in its own form. */
  readonly host: string;
  readonly name: string;
  readonly flags: string | undefined;
  /** Channels, patterns and shard channels together. */
  readonly subscriptions: number | undefined;
  readonly ageSeconds: number | undefined;
  readonly lastCommand: string | undefined;
}

/** Reads CLIENT LIST (Redis 7.0, 8.0, and providers that show only id, addr, name, age). A line without an id is passed over. */
export function parseClientList(text: string): Client[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const fields = new Map(line.trim().split(" ").map(splitField));
    const id = fields.get("id");
    const address = fields.get("addr") ?? "";
    if (id === undefined) return [];
    return [{
      id,
      address,
      host: hostOf(address),
      name: fields.get("name") ?? "",
      flags: fields.get("flags"),
      subscriptions: sum(["sub", "psub", "ssub"].map((name) => number(fields.get(name)))),
      ageSeconds: number(fields.get("age")),
      lastCommand: fields.get("cmd"),
    }];
  });
}

/** Names hold `=` (Bull's are base64), keys never do. */
function splitField(field: string): [string, string] {
  const equals = field.indexOf("=");
  return equals < 0 ? [field, ""] : [field.slice(0, equals), field.slice(equals + 1)];
}

function number(text: string | undefined): number | undefined {
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}

function hostOf(address: string): string {
  const host = address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return host.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** Of Redis's own container: its health check and a person's `docker exec`, over loopback or the Unix socket. */
export function isLocal(client: Client): boolean {
  return client.host.startsWith("127.") || client.host === "::1" || client.host.startsWith("/") || (client.flags ?? "").includes("U");
}

/**
 * Queue of a connection that names it: the runtime's `api:client:file`, or Bull's own name of its blocked client,
 * `<prefix>:<base64 of the queue>`, which Bull sets over any other.
 */
export function queueOf(client: Pick<Client, "name">, queues: readonly string[]): string | undefined {
  const named = /^[^:]+:(?:client|subscriber):(.+)$/.exec(client.name)?.[1];
  if (named !== undefined) return queues.find((queue) => queue === named);
  return blockedQueue(client, queues);
}

function blockedQueue(client: Pick<Client, "name">, queues: readonly string[]): string | undefined {
  if (/^[^:]+:(?:client|subscriber):/.test(client.name)) return undefined;
  // The runtime's name of it, for the moment until Bull has said its own.
  const early = /^[^:]+:bclient:(.+)$/.exec(client.name)?.[1];
  if (early !== undefined) return queues.find((queue) => queue === early);
  return queues.find((queue) => client.name.endsWith(`:${Buffer.from(queue).toString("base64")}`));
}

/** The process that a connection names, as the runtime names its own: `api:client:file`. */
export function processOf<P extends string>(client: Pick<Client, "name">, processes: readonly P[], queues: readonly string[]): P | undefined {
  const [, process, queue] = /^([^:]+):(?:client|subscriber|bclient):(.+)$/.exec(client.name) ?? [];
  return queues.some((it) => it === queue) ? processes.find((it) => it === process) : undefined;
}

/**
 * What a connection is for. Bull's blocked client is known by name, because it is flagged `b` only between jobs; a subscriber by
 * what it does and not by its name, because one that is not subscribed yet hears nothing. A provider that shows neither flags nor
 * subscriptions leaves the name alone.
 */
export function kindOf(client: Client, queues: readonly string[]): ConnectionKind {
  const flags = client.flags ?? "";
  if (blockedQueue(client, queues) !== undefined) return "blocked";
  if (client.flags === undefined && client.subscriptions === undefined) return /^[^:]+:subscriber:/.test(client.name) ? "subscriber" : "client";
  if (/[SMO]/.test(flags)) return "other"; // replica, master, monitor
  if (flags.includes("P") || (client.subscriptions ?? 0) > 0) return "subscriber";
  return flags.includes("b") ? "blocked" : "client";
}
