import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { type HeldServer, type HeldVolume, labelsAtHetzner, resizeFaults, selectorOf, volumeFaults } from "../config/at-hetzner.ts";
import { assertFits, ConfigError, type ServerSize, userDataFaults } from "../config/faults.ts";
import { layoutOf } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { cloudInit } from "../host/cloud-init.ts";
import { messageOf } from "../verify/words.ts";
import { bringBack } from "./power.ts";

type Servers = hcloud.GetServersResult["servers"];

/**
 * Ask Hetzner for the real size of each server type, for the stack's servers and for the volumes that they have, and refuse a configuration that does not
 * fit them. Runs before any resource is declared, so that a contradiction touches nothing.
 */
export async function checkFit(config: Config): Promise<void> {
  const oversized = userDataFaults(cloudInit(config));
  if (oversized.length > 0) throw new ConfigError(oversized);
  const { nodes } = layoutOf(config);
  const sizes = await answered(sizesOf(nodes.map(({ serverType }) => serverType)));
  assertFits(config, sizes);
  const labels = labelsAtHetzner(config.project, pulumi.getStack());
  const { servers } = await answered(hcloud.getServers({ withSelector: selectorOf(labels) }));
  const stack = `${config.project}-${pulumi.getStack()}`;
  const faults = [
    ...volumeFaults(config, nodes, stack, await heldVolumes(servers, labels)),
    ...resizeFaults(config, nodes, stack, await heldServers(servers, sizes), sizes),
  ];
  if (faults.length > 0) throw new ConfigError(faults);
  for (const { name } of servers.filter(({ status }) => status === "off")) {
    await pulumi.log.warn(`server ${name} is powered off at Hetzner: nothing on it answers, and no update powers it on but one that changes its type or its addresses. To have it back: ${bringBack(name)}`);
  }
}

/** Pulumi shows a question to Hetzner that failed as a stack trace: said instead as what is required. @throws {pulumi.RunError} */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new pulumi.RunError(notAnswered(messageOf(error), pulumi.getStack()));
  }
}

/** @param said by Pulumi, its own frame around the provider's words */
export function notAnswered(said: string, stack: string): string {
  const asking = "asking Hetzner for its server types and for this stack's servers and volumes";
  if (said.includes("Missing Hetzner Cloud API token")) {
    return `${asking}: required a token of the project's API; found none; export HCLOUD_TOKEN, or keep it with the stack (npx berth init ${stack} --store-token); nothing was touched`;
  }
  const found = said.replace(/^invocation of \S+ returned an error: /, "");
  return `${asking}: required an answer; found ${found}; look at the network, and whether the token is this project's and may read and write; nothing was touched`;
}

async function heldVolumes(servers: Servers, labels: Readonly<Record<string, string>>): Promise<HeldVolume[]> {
  if (servers.length === 0) return [];
  const { volumes } = await answered(hcloud.getVolumes({}));
  return volumes.flatMap(({ id, name, serverId, labels: has }) => {
    const server = servers.find((it) => it.id === serverId);
    return server === undefined ? [] : [{ id, name, server: server.name, own: Object.entries(labels).every(([key, value]) => has[key] === value) }];
  });
}

/** @param sizes those known already */
async function heldServers(servers: Servers, sizes: ReadonlyMap<string, ServerSize>): Promise<HeldServer[]> {
  return await Promise.all(servers.map(async ({ name, serverType, primaryDiskSize, location }) => {
    // Hetzner lists no type for ever: a server may outlive its own.
    const size = sizes.get(serverType) ?? (await sizeOf(serverType).catch(() => undefined));
    return { name, type: serverType, diskGb: primaryDiskSize, location, architecture: size?.architecture };
  }));
}

async function sizesOf(types: readonly string[]): Promise<ReadonlyMap<string, ServerSize>> {
  return new Map(await Promise.all([...new Set(types)].map(async (name) => [name, await sizeOf(name)] as const)));
}

async function sizeOf(name: string): Promise<ServerSize> {
  const type = await hcloud.getServerType({ name });
  return { memoryMb: Math.round(type.memory * 1024), diskGb: type.disk, architecture: type.architecture, locations: type.locations.map((it) => it.name) };
}
