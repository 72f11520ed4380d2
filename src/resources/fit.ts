import * as hcloud from "@pulumi/hcloud";
import { assertFits, type ServerSize } from "../config/faults.ts";
import type { Config } from "../config/schema.ts";

/**
 * Ask Hetzner for the real size of the server type, and refuse a configuration that does not fit it.
 * Runs before any resource is declared, so that a contradiction touches nothing.
 */
export async function checkFit(config: Config): Promise<ServerSize> {
  const type = await hcloud.getServerType({ name: config.server.type });
  const size = { memoryMb: Math.round(type.memory * 1024), diskGb: type.disk, architecture: type.architecture };
  assertFits(config, size);
  return size;
}
