import { apiUsers, DATA_PORTS, privatePorts } from "../compose/between.ts";
import { DATA_ROLES, type DataRole, type Here, isLast, type Node, remoteHolder, serves } from "../config/nodes.ts";
import { isManaged } from "../config/managed.ts";
import type { Config } from "../config/schema.ts";
import type { Instance, NodeExpectation, Whereabouts } from "../verify/types.ts";

/** What of a stack of several nodes is judged on one of them; undefined for the only one. */
export function nodeExpectation(config: Config, here: Here): NodeExpectation | undefined {
  const { address, name } = here.node;
  if (address === null) return undefined;
  const last = isLast(here);
  const managed = isManaged(config);
  const others = here.layout.users.filter((node) => node !== here.node);
  return {
    name,
    address,
    redis: managed ? managedWhereabouts(here) : whereabouts(here, "redis"),
    postgres: whereabouts(here, "postgres"),
    api: serves(here, "api") ? "here" : last ? "elsewhere" : "not used",
    at: Object.fromEntries(DATA_ROLES.flatMap((role) => {
      const holder = remoteHolder(here, role);
      return holder === undefined ? [] : [[role, { node: holder.name, address: holder.address ?? "" }]];
    })),
    last,
    canary: sendsCanary(here),
    // A node judges its own; the last one all, because all are there by then. A managed Redis sees nodes by public addresses, of which each knows its own.
    instances: [...(here.layout.users.includes(here.node) ? [here.node] : []), ...(last && !managed ? others : [])].flatMap((node) => instances(node, here)),
    others: last || !serves(here, "redis") ? [] : others.flatMap((node) => instances(node, here)),
    privatePorts: privatePorts(here, config).map(({ port }) => port),
    refused: [...DATA_ROLES.flatMap((role) => refused(here, role)), ...refusedApi(config, here)],
  };
}

/** The last node has all of it behind itself. An API apart from the proxy sends a job of its own as soon as all workers are there, on whichever node they are. */
function sendsCanary(here: Here): boolean {
  const { nodes, first } = here.layout;
  return isLast(here) || serves(here, "api") && here.node !== first && nodes.slice(nodes.indexOf(here.node)).every(({ roles }) => !roles.includes("worker"));
}

/** On none of the nodes, and needed by those of the application. */
function managedWhereabouts({ node, layout }: Here): Whereabouts {
  return layout.users.includes(node) ? "elsewhere" : "not used";
}

function whereabouts(here: Here, role: DataRole): Whereabouts {
  if (serves(here, role)) return "here";
  return remoteHolder(here, role) === undefined ? "not used" : "elsewhere";
}

/** Redis sees a process on its own node by its container, and one elsewhere by its node. */
function instances(node: Node, here: Here): Instance[] {
  const address = node === here.layout.holder.redis ? null : node.address;
  return node.roles.filter((role) => role === "api" || role === "worker").map((process) => ({ holder: node === here.node ? process : `${process}@${node.name}`, process, address }));
}

/** Data of another node that no role here needs. */
function refused(here: Here, role: DataRole): NodeExpectation["refused"] {
  const holder = here.layout.holder[role];
  if (holder === undefined || holder === here.node || holder.address === null || remoteHolder(here, role) !== undefined) return [];
  return [{ what: `${role} on ${holder.name}`, node: holder.name, address: holder.address, port: DATA_PORTS[role] }];
}

/** An API apart from the proxy lets in the proxy's node. From elsewhere one of several is asked: they are alike. */
function refusedApi(config: Config, here: Here): NodeExpectation["refused"] {
  const { apis, first } = here.layout;
  const other = apis.find((node) => node !== here.node && node !== first);
  if (other === undefined || other.address === null || apiUsers({ ...here, node: other }).includes(here.node)) return [];
  return [{ what: `api on ${other.name}`, node: other.name, address: other.address, port: config.app.port }];
}
