import { firstOf, type Here } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import type { Entry } from "../release/entry.ts";
import { envText } from "../release/env.ts";
import { volumeDevice } from "../release/addresses.ts";
import { MOUNT } from "../compose/paths.ts";
import { nftTable } from "./nftables.ts";
import { settings } from "./settings.ts";
import { SSHD_CONFIG, SSHD_PATH } from "./sshd.ts";
import { units } from "./units.ts";

/**
 * What the host must know at a boot, before any release is looked at: its volume, if it has one, and its address among several nodes. The guard
 * reads the size from the device; here it makes a volume that was grown a change of the release, so that the guard runs and grows what is inside.
 */
function hostEnv(volumeId: string | null, volumeGb: number, { node }: Here): Record<string, string> {
  return {
    ...(volumeId === null ? {} : { BERTH_VOLUME_ID: volumeId, BERTH_VOLUME_DEVICE: volumeDevice(volumeId), BERTH_MOUNT: MOUNT, BERTH_VOLUME_GB: String(volumeGb) }),
    ...(node.address === null ? {} : { BERTH_PRIVATE_ADDRESS: node.address }),
  };
}

/**
 * The host settings of a release as files below /, sorted by path. `berth settings` puts them in place and reloads what changed.
 *
 * @param volumeId null on a node that keeps nothing
 * @param volumeGb the volume's size as Hetzner has it; unless given, as configured
 */
export function hostTree(config: Config, volumeId: string | null, volumeGb?: number, here: Here = firstOf(config)): Entry[] {
  const texts: Record<string, string> = {
    ...settings(config),
    ...units(config, here),
    [SSHD_PATH]: SSHD_CONFIG,
    "/etc/berth/firewall.nft": nftTable(config, here),
    ...(config.alert.command.length > 0 ? { "/etc/berth/alert": alertScript(config.alert.command) } : {}),
    "/etc/berth/host.env": envText(hostEnv(volumeId, volumeGb ?? here.node.volume?.sizeGb ?? 0, here)),
  };
  return Object.entries(texts)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, text]) => ({ path, mode: "0644", uid: 0, gid: 0, text }));
}

/** The command of `alert.command` as a script: its words as they are, whatever they hold. */
function alertScript(command: readonly string[]): string {
  return `# berth:alert.command\nexec ${command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")}\n`;
}
