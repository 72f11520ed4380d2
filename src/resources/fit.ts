import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { type HeldVolume, labelsAtHetzner, selectorOf, volumeFaults } from "../config/at-hetzner.ts";
import { assertFits, ConfigError, type ServerSize, userDataFaults } from "../config/faults.ts";
import { layoutOf } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { cloudInit } from "../host/cloud-init.ts";

/**
 * Ask Hetzner for the real size of each server type and for the volumes that the stack's servers have, and refuse a configuration that does not fit them.
 * Runs before any resource is declared, so that a contradiction touches nothing.
 */
export async function checkFit(config: Config): Promise<void> {
  const oversized = userDataFaults(cloudInit(config));
  if (oversized.length > 0) throw new ConfigError(oversized);
  const { nodes } = layoutOf(config);
  const names = [...new Set(nodes.map(({ serverType }) => serverType))];
  assertFits(config, new Map(await Promise.all(names.map(async (name) => [name, await sizeOf(name)] as const))));
  const faults = volumeFaults(config, nodes, `${config.project}-${pulumi.getStack()}`, await heldVolumes(config.project));
  if (faults.length > 0) throw new ConfigError(faults);
}

async function heldVolumes(project: string): Promise<HeldVolume[]> {
  const labels = labelsAtHetzner(project, pulumi.getStack());
  const { servers } = await hcloud.getServers({ withSelector: selectorOf(labels) });
  if (servers.length === 0) return [];
  const { volumes } = await hcloud.getVolumes({});
  return volumes.flatMap(({ id, name, serverId, labels: has }) => {
    const server = servers.find((it) => it.id === serverId);
    return server === undefined ? [] : [{ id, name, server: server.name, own: Object.entries(labels).every(([key, value]) => has[key] === value) }];
  });
}

async function sizeOf(name: string): Promise<ServerSize> {
  const type = await hcloud.getServerType({ name });
  return { memoryMb: Math.round(type.memory * 1024), diskGb: type.disk, architecture: type.architecture };
}
