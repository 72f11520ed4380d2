import { addressClash, addressRoom, instanceNames, keepsData, placedRoles } from "./nodes.ts";
import { ROLES } from "./roles.ts";
import type { Fault } from "./fault.ts";
import type { Rule } from "./rules.ts";
import type { Config } from "./schema.ts";

/** Rules about where the roles stand. Without `nodes` none of them applies: all is on one server. */

/** Hetzner's bound on servers in one network. */
const NETWORK_SERVERS = 100;

function placementFaults(config: Config): Fault[] {
  const entries = Object.entries(config.nodes);
  if (entries.length === 0) return [];
  const wanted = placedRoles(config);
  return ROLES.flatMap((role): Fault[] => {
    const on = entries.filter(([, { roles }]) => roles.includes(role)).map(([name]) => name);
    if (!wanted.includes(role)) return on.map((name) => ({ path: `nodes.${name}.roles`, required: `no ${role}: it is managed elsewhere (secrets.redisUrl)`, found: role }));
    if (on.length === 1) return [];
    return [{ path: "nodes", required: `the role ${role} on exactly one entry of nodes`, found: on.length === 0 ? "on none" : `on ${on.join(", ")}` }];
  });
}

function companyFaults(config: Config): Fault[] {
  return Object.entries(config.nodes).flatMap(([name, { roles }]): Fault[] => {
    const [path, found] = [`nodes.${name}.roles`, roles.join(", ")];
    // The node with the proxy may have any of the others; whatever stands apart from it is released before it or after it.
    if (roles.includes("proxy")) return [];
    if (roles.includes("api") && roles.length > 1) {
      return [{ path, required: "api alone on a node without the proxy: data is released before it, workers after it", found }];
    }
    if (roles.includes("worker") && keepsData(roles)) {
      return [{ path, required: "worker apart from redis and postgres on a node without the proxy: data is released before the application, workers after it", found }];
    }
    return [];
  });
}

function countFaults(config: Config): Fault[] {
  return Object.entries(config.nodes).flatMap(([name, { roles, count }]): Fault[] => {
    const [only] = roles;
    if (count === 1 || (roles.length === 1 && (only === "worker" || only === "api"))) return [];
    return [{ path: `nodes.${name}.count`, required: `1 with ${roles.join(", ")}: only a node of the worker alone, or of the API alone, may be several`, found: String(count) }];
  });
}

function nameFaults(config: Config): Fault[] {
  const entries = Object.entries(config.nodes);
  const names = entries.flatMap(([kind, { count }]) => instanceNames(kind, count));
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  return twice.map((name) => ({ path: `nodes.${name}`, required: "another name: a count elsewhere gives its second server this one", found: name }));
}

function volumeFaults(config: Config): Fault[] {
  return Object.entries(config.nodes).flatMap(([name, node]): Fault[] => {
    if (keepsData(node.roles)) return [];
    return (["volumeSizeGb", "volumeId"] as const).filter((key) => node[key] !== undefined)
      .map((key) => ({ path: `nodes.${name}.${key}`, required: "nothing: a node without redis, postgres and proxy has no volume", found: String(node[key]) }));
  });
}

function networkFaults(config: Config): Fault[] {
  const count = Object.values(config.nodes).reduce((sum, node) => sum + node.count, 0);
  const room = addressRoom(config.network.range);
  const faults: Fault[] = [];
  if (count > NETWORK_SERVERS) faults.push({ path: "nodes", required: `at most ${NETWORK_SERVERS} servers, Hetzner's bound on a private network`, found: String(count) });
  if (count > 1 && count > room) faults.push({ path: "network.range", required: `room for ${count} servers`, found: `${config.network.range}, with room for ${room}` });
  const clash = addressClash(config.network.range, Object.entries(config.nodes).filter(([, { roles }]) => keepsData(roles) && !roles.includes("proxy")).map(([name]) => name));
  if (clash !== undefined) faults.push({ path: "network.range", required: `a larger range, or another name for one of ${clash.join(" and ")}: an address follows from a name, and data must not change its own`, found: `${config.network.range}, where both have the same` });
  return faults;
}

export const nodeRules: readonly Rule[] = [
  { reads: ["nodes", "secrets.redisUrl"], judge: placementFaults },
  { reads: ["nodes"], judge: companyFaults },
  { reads: ["nodes"], judge: countFaults },
  { reads: ["nodes"], judge: nameFaults },
  { reads: ["nodes"], judge: volumeFaults },
  { reads: ["nodes", "network.range"], judge: networkFaults },
];
