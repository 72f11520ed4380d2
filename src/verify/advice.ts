import type { Facts } from "./seen.ts";
import { servingContainer } from "./services.ts";
import type { Check, Expectations } from "./types.ts";

/** Advice that is to be copied: a command as it is typed on a laptop. */

/** A command on the server, of words that a shell takes as they are. Of several nodes it is for the one that is judged, which `typed` names. */
export function onServer(...words: readonly string[]): string {
  return onNode(undefined, ...words);
}

/** The same on another node than the one that is judged; undefined: on that one. */
export function onNode(node: string | undefined, ...words: readonly string[]): string {
  return `\`${shellOf(node)}sudo ${words.join(" ")}\``;
}

/** A command of redis-cli, which wants Redis's password. `berth exec` finds Redis's node by itself. */
export function inRedis(command: string): string {
  return `\`berth exec redis -- sh -c 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli ${command}'\``;
}

function shellOf(node: string | undefined): string {
  return node === undefined ? "berth ssh -- " : `berth ssh --node=${node} -- `;
}

/** Names the node in each command that is for the one that is judged; undefined: there is but one. */
export function named(advice: string, node: string | undefined): string {
  return advice.replaceAll("`berth ssh -- ", `\`${shellOf(node)}`);
}

/** What was seen from outside, where no container is: Compose numbers a service's only container 1. */
export function typedOutside(checks: readonly Check[], { project, node }: { readonly project: string; readonly node: string | undefined }): Check[] {
  return checks.map((check) => ({ ...check, advice: named(check.advice.replaceAll(PROXY, `${project}-proxy-1`), node) }));
}

const REDIS = "<redis>";
const PROXY = "<proxy>";
const OFF = "First what redis.aof says: what was written since is in memory alone, and a restart loses it. Then: ";
const BROKEN = "First what redis.aof-status says: the append-only file may have a hole, and Redis would not come up again. Then: ";
const NOT_SEEN = "First make sure that appendonly is on, which is not seen here: else what is in memory alone is lost by a restart. Then: ";

/** What of a release's expectations an advice depends on. */
export type Stack = Pick<Expectations, "project" | "node"> & { readonly redis: Pick<Expectations["redis"], "managed"> };

/** Makes an advice one that can be typed. `deploys`: following it ends in an update, which may restart Redis, although no command says so. */
export type Typist = (advice: string, deploys?: boolean) => string;

/** Every advice as it is typed on this stack. */
export function typed(checks: readonly Check[], facts: Facts, expectations: Stack): Check[] {
  const type = typist(checks, facts, expectations);
  return checks.map((check) => (check.advice === "" ? check : { ...check, advice: type(check.advice) }));
}

/**
 * Names the node in each command, puts containers' names in the place of `<redis>` and `<proxy>`, and says what must come first before a restart that
 * would lose jobs.
 * @param checks of them `redis.aof` and `redis.aof-status` say what a restart loses
 */
export function typist(checks: readonly Check[], facts: Facts, expectations: Stack): Typist {
  const redis = redisOf(facts, expectations);
  const aof = checks.find(({ id }) => id === "redis.aof");
  const refused = checks.some(({ id, status }) => id === "redis.aof-status" && status === "fail");
  const first = expectations.redis.managed?.urlFile !== undefined ? "" : refused ? BROKEN : aof?.status === "pass" ? "" : aof?.status === "fail" ? OFF : NOT_SEEN;
  const proxy = servingContainer(facts.host, "proxy")?.name ?? `${expectations.project}-proxy-1`;
  return (advice, deploys = false) => {
    const said = named(
      advice.replaceAll(/`berth ssh -- ([^`]*<redis>)/g, `\`${shellOf(redis.node)}$1`).replaceAll(REDIS, redis.name).replaceAll(PROXY, proxy),
      expectations.node?.name,
    );
    return `${stopsRedis(said, redis.name, redis.isHere) || (deploys && redis.isHere) ? first : ""}${said}`;
  };
}

/** Redis's container, and the node it is on; undefined for the only one. Compose numbers a service's only container 1, and the project is one. */
function redisOf({ host }: Facts, { project, node }: Stack): { readonly name: string; readonly node: string | undefined; readonly isHere: boolean } {
  const isHere = node === undefined || node.redis === "here";
  const name = (isHere ? servingContainer(host, "redis")?.name : undefined) ?? `${project}-redis-1`;
  // A diagnosis may read what an older release expects, which says less of other nodes.
  return { name, isHere, node: isHere ? node?.name : (node as Partial<typeof node>).at?.redis?.node ?? node.name };
}

/** Commands that stop Redis's container, or may make it anew: by its name, at a boot of its node, and by a release. */
function stopsRedis(advice: string, name: string, isHere: boolean): boolean {
  return [...advice.matchAll(/`([^`]+)`/g)].some(([, command = ""]) =>
    command.startsWith("npx pulumi up")
    || (isHere && /\/berth boot$|systemctl restart berth-volume$/.test(command))
    || (/ docker (?:restart|stop|rm) /.test(command) && command.endsWith(` ${name}`)));
}
