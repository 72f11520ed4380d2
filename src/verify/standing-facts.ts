import { parseClientList } from "../redis/clients.ts";
import { parseInfo } from "../redis/info.ts";
import { type Fact, known, notKnown } from "./fact.ts";
import { parseFacts, splitSections } from "./facts.ts";
import type { Facts, Seen } from "./seen.ts";

const PREFIX = "before.";
const NOT_LOOKED_AT = notKnown("not looked at before the release");

/**
 * Reads what the host's script found before the release began: the sections `before.NAME` of the facts stream. Undefined when there are none: before
 * the first release nothing stood.
 *
 * @param names address -> container, as the name service tells it now: of the past it tells nothing
 */
export function parseStanding(stream: string, names: Seen["names"]): Facts | undefined {
  const sections = new Map([...splitSections(stream)].filter(([name]) => name.startsWith(PREFIX)).map(([name, text]) => [name.slice(PREFIX.length), text]));
  if (sections.size === 0) return undefined;
  const host = parseFacts([...sections].map(([name, text]) => `@@ ${name}\n${text}\n`).join(""));
  const read = <T>(name: string, parse: (text: string) => T): Fact<T> => {
    const text = sections.get(name);
    return text === undefined || text === "" ? NOT_LOOKED_AT : known(parse(text));
  };
  const seen: Seen = {
    at: "",
    names,
    redis: {
      ready: NOT_LOOKED_AT,
      info: read("redis-info", parseInfo),
      config: read("redis-config", parsePairs),
      clients: read("redis-clients", parseClientList),
      ownHost: undefined, queues: NOT_LOOKED_AT, heartbeatTtlMs: NOT_LOOKED_AT,
    },
    postgres: parsePostgres(sections.get("postgres") ?? ""),
    api: { ready: NOT_LOOKED_AT, canary: NOT_LOOKED_AT },
    refused: NOT_LOOKED_AT,
    metadata: NOT_LOOKED_AT,
  };
  return { seen, host };
}

/** CONFIG GET as redis-cli prints it into a pipe: a name, then its value, each a line. An empty value is an empty line; the last may have been trimmed. */
function parsePairs(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n");
  return new Map(lines.flatMap((name, index): [string, string][] => (index % 2 === 0 && name !== "" ? [[name, lines[index + 1] ?? ""]] : [])));
}

function parsePostgres(text: string): Seen["postgres"] {
  const found = /^(\d+) (\d+)$/m.exec(text);
  if (found === null) return NOT_LOOKED_AT;
  return known({ ms: 0, connections: Number(found[1]), maxConnections: Number(found[2]), dataDirectory: undefined });
}
