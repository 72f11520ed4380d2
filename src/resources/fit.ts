import * as hcloud from "@pulumi/hcloud";
import { assertFits, ConfigError, type ServerSize, userDataFaults } from "../config/faults.ts";
import type { Config } from "../config/schema.ts";
import { cloudInit } from "../host/cloud-init.ts";

/**
 * Ask Hetzner for the real size of the server type, and refuse a configuration that does not fit it.
 * Runs before any resource is declared, so that a contradiction touches nothing.
 */
export async function checkFit(config: Config): Promise<ServerSize> {
  const oversized = userDataFaults(cloudInit(config));
  if (oversized.length > 0) throw new ConfigError(oversized);
  const type = await hcloud.getServerType({ name: config.server.type });
  const size = { memoryMb: Math.round(type.memory * 1024), diskGb: type.disk, architecture: type.architecture };
  assertFits(config, size);
  return size;
}
