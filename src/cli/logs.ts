import { parseArgs } from "node:util";
import { isService, SERVICES } from "../config/roles.ts";
import { shellWord } from "../shell.ts";
import { messageOf } from "../verify/words.ts";
import { UsageError } from "./command.ts";
import { onHost, takePlace } from "./host.ts";
import { eachNode, nodesOf, nodesWith, theNode } from "./nodes.ts";

export const help = `
Prints the logs of these services' containers, stopped ones included; without a name, of all services. With several services, each line begins with
the service's name.

options
  --stack=NAME     default: the selected stack
  --node=NAME      one of several; default: each that has these services
  --service=NAME   as the name alone; may be repeated
  --tail=LINES     how many of the last lines of each, or "all"; default 100,
                   and all with --since
  --since=TIME     as far back as 10m, 2h, or 2026-11-01T12:00:00Z
  --timestamps, -t each line with its time
  --follow, -f     go on as more comes, until Ctrl-C

services: ${SERVICES.join(", ")}
`;

/** `--follow` ends by Ctrl-C; this only bounds a connection that was forgotten, in seconds. */
const FOLLOW_SECONDS = 24 * 3600;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, node, rest } = takePlace(args);
  const { words, services, follow } = logsOptions(rest);
  let silent = false;
  const found = await nodesWith(await nodesOf(stack, node), services, { unanswered: () => { silent = true; } });
  if (follow) theNode(found, "--follow is of one");
  const seconds = follow ? FOLLOW_SECONDS : 60;
  const code = await eachNode(found.length > 1 ? found : found.map((one) => ({ ...one, name: undefined })), ({ target, services: there }) => onHost(target, ["logs", ...[...words, ...there].map(shellWord)], seconds), process.stdout);
  return code === 0 && silent ? 1 : code;
}

/** The words for `docker compose logs`, before the services. @throws {UsageError} naming what is wrong */
export function logsOptions(args: readonly string[]): { readonly words: readonly string[]; readonly services: readonly string[]; readonly follow: boolean } {
  const { values, positionals } = parsed(args);
  const services = [...positionals, ...values.service];
  const strange = services.filter((name) => !isService(name));
  if (strange.length > 0) throw new UsageError(`required services of ${SERVICES.join(", ")}; found ${strange.join(" ")}`);
  const { since, follow, timestamps } = values;
  if (since !== undefined && !/^[0-9][0-9A-Za-z:.+-]*$/.test(since)) throw new UsageError(`--since: required a span such as 10m, or a time such as 2026-11-01T12:00:00Z; found ${since}`);
  const tail = values.tail ?? (since === undefined ? "100" : "all");
  if (tail !== "all" && !/^[1-9]\d*$/.test(tail)) throw new UsageError(`--tail: required a whole number from 1, or all; found ${tail}`);
  return {
    follow,
    services,
    words: [
      "--no-color", ...(services.length === 1 ? ["--no-log-prefix"] : []), "--tail", tail, ...(since === undefined ? [] : ["--since", since]),
      ...(timestamps ? ["--timestamps"] : []), ...(follow ? ["--follow"] : []),
    ],
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        service: { type: "string", multiple: true, default: [] },
        tail: { type: "string" },
        since: { type: "string" },
        timestamps: { type: "boolean", short: "t", default: false },
        follow: { type: "boolean", short: "f", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}
