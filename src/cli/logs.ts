import { parseArgs } from "node:util";
import { runOverSsh } from "../ssh.ts";
import { UsageError } from "./command.ts";
import { hostOf, takeStack } from "./host.ts";

const SERVICES = ["redis", "postgres", "api", "worker", "proxy"] as const;

export const help = `
Prints what a service's container logged, also when it has stopped.

options
  --stack=NAME   default: the selected stack
  --tail=LINES   how many of the last lines; default 100
  --follow, -f   go on as more comes, until Ctrl-C

services: ${SERVICES.join(", ")}
`;

/** `--follow` ends by Ctrl-C; this only bounds a connection that was forgotten, in seconds. */
const FOLLOW_SECONDS = 24 * 3600;

export async function run(args: readonly string[]): Promise<number> {
  const { stack, rest } = takeStack(args);
  const { service, tail, follow } = logsOptions(rest);
  // Words of our own only: the service is from the list, the number was counted.
  const command = [
    `id=$(sudo docker ps -aq --filter label=com.docker.compose.service=${service} --filter label=com.docker.compose.oneoff=False | head -n 1);`,
    `[ -n "$id" ] || { echo 'berth logs: required: a container of ${service}; found: none; see berth status' >&2; exit 1; };`,
    `sudo docker logs --tail ${tail}${follow ? " --follow" : ""} "$id"`,
  ].join(" ");
  const { code } = await runOverSsh(await hostOf(stack), command, {
    timeoutSeconds: follow ? FOLLOW_SECONDS : 60,
    onStdout: (text) => process.stdout.write(text),
    onStderr: (text) => process.stderr.write(text),
  });
  return code;
}

/** @throws {UsageError} naming what is wrong */
export function logsOptions(args: readonly string[]): { readonly service: string; readonly tail: number; readonly follow: boolean } {
  const { values, positionals } = parsed(args);
  const [service, ...more] = positionals;
  if (service === undefined || more.length > 0 || !SERVICES.some((it) => it === service)) {
    throw new UsageError(`required one service of ${SERVICES.join(", ")}; found ${positionals.join(" ") || "none"}`);
  }
  const tail = Number(values.tail);
  if (!Number.isInteger(tail) || tail < 1) throw new UsageError(`--tail: required a whole number from 1; found ${values.tail}`);
  return { service, tail, follow: values.follow };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { tail: { type: "string", default: "100" }, follow: { type: "boolean", short: "f", default: false } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
