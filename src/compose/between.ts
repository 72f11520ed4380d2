import { DATA_ROLES, type DataRole, type Here, remoteHolder, remoteUsers, serves } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import type { Port, Service } from "./model.ts";
import { healthy } from "./parts.ts";
import { POSTGRES_PORT, REDIS_PORT } from "./paths.ts";

/** What passes between nodes. On a stack of one node all of it is nothing. */

/** Hetzner's private networks carry 50 bytes less a packet than its public ones. */
export const PRIVATE_MTU = 1450;

export const DATA_PORTS: Readonly<Record<DataRole, number>> = { redis: REDIS_PORT, postgres: POSTGRES_PORT };

/** A port of this node that others may reach over the private network, and who. */
export interface PrivatePort {
  readonly role: DataRole | "api";
  readonly port: number;
  /** The one inside the container, where that is another. */
  readonly target?: number;
  /** Private addresses of the nodes whose roles need it. */
  readonly sources: readonly string[];
}

function addressed(nodes: readonly { readonly address: string | null }[]): string[] {
  return nodes.flatMap(({ address }) => address ?? []);
}

/**
 * Ports published on this node's private address. The API's is for the proxy, where that is elsewhere, and for the verification on the node that is
 * released last: it sends the canary, to the first of several.
 */
export function privatePorts(here: Here, config: Config): PrivatePort[] {
  const data = DATA_ROLES.map((role): PrivatePort => ({ role, port: DATA_PORTS[role], sources: addressed(remoteUsers(here, role)) }));
  const api: PrivatePort[] = [
    { role: "api", port: config.app.port, sources: addressed(apiUsers(here)) },
    ...(rotates(here) ? [{ role: "api" as const, port: readinessPort(config), target: config.app.port, sources: addressed([here.layout.first]) }] : []),
  ];
  return [...data, ...api].filter(({ sources }) => sources.length > 0);
}

/** Other nodes that ask the API here. */
export function apiUsers(here: Here): Here["layout"]["nodes"] {
  const { node, layout } = here;
  if (!serves(here, "api")) return [];
  const proxy = layout.first === node ? [] : [layout.first];
  const judge = layout.apis.includes(layout.last) || layout.apis[0] !== node || proxy.includes(layout.last) ? [] : [layout.last];
  return [...proxy, ...judge];
}

/** Whether the API here is one of several that the proxy chooses from. */
export function rotates(here: Here): boolean {
  return serves(here, "api") && here.layout.apis.length > 1;
}

/**
 * Where the proxy asks one of several APIs whether it is ready: the same port of its container as for requests, published a second time. The host
 * closes it before the API stops (server/rotation.sh), and requests go elsewhere by the time that there is nobody to take them.
 */
export function readinessPort({ app }: Config): number {
  return app.port === READINESS_PORT ? READINESS_PORT + 1 : READINESS_PORT;
}

/** Nothing else is published on a node with the API alone. */
const READINESS_PORT = 2016;

/**
 * An answer that nobody acknowledges is given up after 25 s (200 ms doubled six times) and its connection with it. By Linux's own 15 it stays for a
 * quarter of an hour after the network was cut, as a connection too many: the other side has made a new one long since.
 */
const RETRIES = { "net.ipv4.tcp_retries2": "6" };

/** `ports` of a service that other nodes reach, and what their network asks of it; nothing where none does. */
export function publishedPrivately(here: Here, config: Config, role: PrivatePort["role"]): Pick<Service, "ports" | "sysctls"> {
  const { address } = here.node;
  const open = privatePorts(here, config).filter((it) => it.role === role);
  if (open.length === 0 || address === null) return {};
  return { ports: open.map(({ port, target = port }): Port => ({ target, published: String(port), protocol: "tcp", mode: "ingress", host_ip: address })), sysctls: RETRIES };
}

/** Names that are containers beside one on one node are other nodes' addresses here, so that every URL stays the same. */
export function remoteHosts(here: Here, ...also: readonly { readonly name: string; readonly address: string | null }[]): Pick<Service, "extra_hosts"> {
  const remote = DATA_ROLES.flatMap((role) => {
    const holder = remoteHolder(here, role);
    return holder === undefined ? [] : [{ name: role, address: holder.address }];
  });
  const hosts = [...remote, ...also].flatMap(({ name, address }) => (address === null ? [] : [`${name}:${address}`]));
  return hosts.length === 0 ? {} : { extra_hosts: hosts };
}

/** `depends_on` for those of the data services that are on this node; those elsewhere the application waits for itself. */
export function healthyData(here: Here): Pick<Service, "depends_on"> {
  const local = DATA_ROLES.filter((role) => serves(here, role));
  return local.length === 0 ? {} : { depends_on: healthy(...local) };
}

/** Options of a Compose network: what leaves it may have to pass a private network. */
export function networkOptions({ node }: Here): object {
  return node.address === null ? {} : { driver_opts: { "com.docker.network.driver.mtu": String(PRIVATE_MTU) } };
}
