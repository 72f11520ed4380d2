import type { Report } from "../src/verify/types.ts";
import type { Rehearsal } from "./rehearsal.ts";

/**
 * What is true of a rehearsed deployment, asked past everything Berth says of it: Docker on the server, Redis by its own
 * client, HTTP through the proxy. For the rehearsal's own summary and for the tests.
 */

/** A line of `CLIENT LIST` that the application holds. */
export interface ListedClient {
  readonly id: string;
  readonly address: string;
  readonly name: string;
}

/** Service -> container id, of every container of the project on every node; of several workers, one. */
export async function containerIds(rehearsal: Rehearsal): Promise<Record<string, string>> {
  const argv = ["docker", "ps", "--no-trunc", "--filter", "label=com.docker.compose.project=berth", "--format", '{{.Label "com.docker.compose.service"}} {{.ID}}'];
  const lines = await Promise.all(rehearsal.nodes.map(async (node) => (await rehearsal.attemptOn(node, argv)).stdout));
  return Object.fromEntries(lines.join("").trim().split("\n").map((line) => line.split(" ") as [string, string]));
}

/** Service -> when its container's process began: one that was restarted, by whomever, has another time. */
export async function startTimes(rehearsal: Rehearsal): Promise<Record<string, string>> {
  const ids = await containerIds(rehearsal);
  const times = (await rehearsal.exec(["docker", "inspect", "--format", "{{.State.StartedAt}}", ...Object.values(ids)])).trim().split("\n");
  return Object.fromEntries(Object.keys(ids).map((service, index) => [service, times[index] ?? ""]));
}

/** Service -> how often Docker restarted its container. */
export async function restartCounts(rehearsal: Rehearsal): Promise<Record<string, number>> {
  const ids = await containerIds(rehearsal);
  const counts = await rehearsal.exec(["docker", "inspect", "--format", "{{.RestartCount}}", ...Object.values(ids)]);
  const numbers = counts.trim().split("\n").map(Number);
  return Object.fromEntries(Object.keys(ids).map((service, index) => [service, numbers[index] ?? 0]));
}

/** Run commands in Redis by redis-cli, inside its container; the password goes by standard input. Gives one reply a line. */
export async function redisCli(rehearsal: Rehearsal, ...commands: readonly string[]): Promise<string> {
  const input = `AUTH ${rehearsal.secrets.redisPassword}\n${commands.join("\n")}\n`;
  const said = await rehearsal.execOn("redis", ["docker", "exec", "--interactive", "berth-redis-1", "redis-cli"], { input });
  return said.replace(/^OK\n/, "");
}

/** The application's connections as Redis lists them; the asking one and those of the container itself (health checks) left out. */
export async function redisClients(rehearsal: Rehearsal): Promise<ListedClient[]> {
  return listedClients(await redisCli(rehearsal, "CLIENT LIST")).filter(({ address }) => !address.startsWith("127.0.0.1:"));
}

/** The lines of `CLIENT LIST`. */
export function listedClients(text: string): ListedClient[] {
  const rows = text.split("\n").filter((line) => line.startsWith("id="));
  return rows
    .map((line) => Object.fromEntries(line.trim().split(" ").map((field) => [field.slice(0, field.indexOf("=")), field.slice(field.indexOf("=") + 1)])))
    .map((row) => ({ id: row["id"] ?? "", address: row["addr"] ?? "", name: row["name"] ?? "" }));
}

/** `berth verify` on the server; the report whatever its verdict. */
export async function verify(rehearsal: Rehearsal): Promise<Report> {
  const { stdout, stderr } = await rehearsal.attempt(["/opt/berth/scripts/current/berth", "verify", "--json"], { timeoutMs: 180_000 });
  const line = stdout.trim().split("\n").at(-1) ?? "";
  if (!line.startsWith("{")) throw new Error(`berth verify: a report on standard output is required, found: ${line}\n${stderr}`);
  return JSON.parse(line) as Report;
}

/** Ask the application through the proxy. */
export async function ask(rehearsal: Rehearsal, path: string, body?: object): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://${rehearsal.address}${path}`, {
    signal: AbortSignal.timeout(30_000),
    ...(body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? (JSON.parse(text) as unknown) : text };
}

/** Everything in which no secret may stand: what was printed, inspected, listed, logged. Place -> text. */
export async function whereSecretsMustNotBe(rehearsal: Rehearsal): Promise<Record<string, string>> {
  const run = (script: string): Promise<string> => rehearsal.exec(["sh", "-c", script], { timeoutMs: 60_000 });
  return {
    "what up printed": rehearsal.said.join("\n"),
    "docker inspect of every container": await run("docker inspect $(docker ps -aq)"),
    "docker image inspect": await run("docker image inspect $(docker image ls -q)"),
    "container logs": await run("for it in $(docker ps -aq); do docker logs $it 2>&1; done"),
    "command lines": await run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"),
    // Redis's own health check is the one process that needs a password in its environment, for as long as it runs.
    environments: await run("for it in /proc/[0-9]*; do case $(tr '\\0' ' ' <$it/cmdline 2>/dev/null) in *redis-cli*|*REDISCLI_AUTH*) ;; *) cat $it/environ 2>/dev/null | tr '\\0' '\\n';; esac; done"),
    journal: await run("journalctl --no-pager -o cat"),
    "releases and files": await run("cat $(find /opt/berth/files /opt/berth/releases /opt/berth/scripts /var/lib/berth -type f)"),
  };
}

/** Which of the planted secrets a text holds; by place in the list, so that a failing test does not print one. */
export function secretsIn(rehearsal: Rehearsal, text: string): number[] {
  return rehearsal.planted.flatMap((secret, index) => (text.includes(secret) ? [index] : []));
}
