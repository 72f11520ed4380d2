import * as hcloud from "@pulumi/hcloud";
import { assertFits, ConfigError, type ServerSize, userDataFaults } from "../config/faults.ts";
import { layoutOf } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { cloudInit } from "../host/cloud-init.ts";

/**
 * Ask Hetzner for the real size of each server type, and refuse a configuration that does not fit it.
 * Runs before any resource is declared, so that a contradiction touches nothing.
 */
export async function checkFit(config: Config): Promise<void> {
  const oversized = userDataFaults(cloudInit(config));
  if (oversized.length > 0) throw new ConfigError(oversized);
  const names = [...new Set(layoutOf(config).nodes.map(({ serverType }) => serverType))];
  assertFits(config, new Map(await Promise.all(names.map(async (name) => [name, await sizeOf(name)] as const))));
}

async function sizeOf(name: string): Promise<ServerSize> {
  const type = await hcloud.getServerType({ name });
  return { memoryMb: Math.round(type.memory * 1024), diskGb: type.disk, architecture: type.architecture };
}
