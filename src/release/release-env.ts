import { MOUNT } from "../compose/paths.ts";
import { stopSeconds, verifySeconds, waitSeconds } from "../compose/periods.ts";
import { migratesHere } from "../compose/file.ts";
import { readinessPort, rotates } from "../compose/between.ts";
import { verifyImage } from "../compose/verify.ts";
import { DATA_ROLES, firstOf, type Here, serves } from "../config/nodes.ts";
import type { Role } from "../config/roles.ts";
import type { Config } from "../config/schema.ts";
import { volumeDevice } from "./addresses.ts";
import type { SecretFiles } from "./secrets.ts";

/** What a host among several must know of the others. Nothing on a stack of one node. */
function amongNodes(config: Config, { node, layout }: Here): Record<string, string> {
  if (node.address === null) return {};
  const at = layout.nodes.indexOf(node);
  const names = (nodes: readonly { readonly name: string }[]): string => nodes.map(({ name }) => name).join(" ");
  return {
    BERTH_NODE: node.name,
    BERTH_PRIVATE_ADDRESS: node.address,
    // In the order of their releases: whoever fails says who runs what.
    BERTH_NODES_BEFORE: names(layout.nodes.slice(0, at)),
    BERTH_NODES_AFTER: names(layout.nodes.slice(at + 1)),
    ...(node.first ? book({ node, layout }) : {}),
    ...(rotates({ node, layout }) ? { BERTH_READINESS_PORT: String(readinessPort(config)) } : {}),
  };
}

/** The first node knows where the data is, and who must stop before it moves. */
function book({ node, layout }: Here): Record<string, string> {
  const elsewhere = DATA_ROLES.flatMap((role) => {
    const holder = layout.holder[role];
    return holder === undefined || holder === node ? [] : [`${role}=${holder.address ?? ""}`];
  });
  const workers = layout.users.filter((it) => it !== node).map(({ address }) => address);
  return { BERTH_ELSEWHERE: elsewhere.join(" "), BERTH_WORKERS: workers.join(" ") };
}

/**
 * What the host's scripts need of a release, less its own name. The keys are those of docs/architecture.md.
 * @param volumeId null on a node that keeps nothing
 * @param scripts name of the directory of its scripts
 */
export function releaseEnv(config: Config, volumeId: string | null, secrets: SecretFiles, scripts: string, here: Here = firstOf(config)): Record<string, string> {
  const { redis, postgres, proxy, registry } = config;
  const images = new Set([...imagesHere(config, here), verifyImage(config)]);
  const uid = (role: Role, id: number): string => (serves(here, role) ? String(id) : "");
  return {
    BERTH_PROJECT: config.project,
    BERTH_SCRIPTS: scripts,
    BERTH_IMAGES: [...images].join(" "),
    BERTH_STATEFUL: DATA_ROLES.filter((role) => serves(here, role)).map((role) => `${role}=${config[role].image}`).join(" "),
    BERTH_MIGRATE: migratesHere(config, here) ? "1" : "0",
    ...(migratesHere(config, here) ? { BERTH_MIGRATE_SECONDS: String(config.app.migrateSeconds) } : {}),
    BERTH_WAIT_SECONDS: String(waitSeconds(config)),
    BERTH_STOP_SECONDS: String(stopSeconds(config)),
    BERTH_VERIFY_SECONDS: String(verifySeconds(config)),
    BERTH_VOLUME_ID: volumeId ?? "",
    BERTH_VOLUME_DEVICE: volumeId === null ? "" : volumeDevice(volumeId),
    BERTH_MOUNT: MOUNT,
    BERTH_REDIS_UID: uid("redis", redis.uid),
    BERTH_POSTGRES_UID: uid("postgres", postgres.uid),
    BERTH_PROXY_UID: uid("proxy", proxy.uid),
    BERTH_REGISTRY: registry?.server ?? "",
    BERTH_REGISTRY_USER: registry?.username ?? "",
    BERTH_REGISTRY_SECRET: secrets.registryPassword ?? "",
    BERTH_REDIS_SECRET: serves(here, "redis") ? secrets.redisPassword : "",
    ...amongNodes(config, here),
    BERTH_ALERT_WEBHOOK: secrets.alertWebhook ?? "",
    BERTH_DOMAIN: serves(here, "proxy") ? config.domain ?? "" : "",
  };
}

/** In the order in which they always were, so that a release keeps its name. */
function imagesHere({ app, redis, postgres, proxy }: Config, here: Here): string[] {
  const images: readonly (readonly [Role, string])[] = [["redis", redis.image], ["postgres", postgres.image], ["proxy", proxy.image], ["api", app.image], ["worker", app.image]];
  return images.filter(([role]) => serves(here, role)).map(([, image]) => image);
}
