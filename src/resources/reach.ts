import * as pulumi from "@pulumi/pulumi";
import { publicKey } from "../config/keys.ts";
import type { Config } from "../config/schema.ts";
import { hostKeyAt } from "../ssh-host-key.ts";
import { waitUntil } from "./waiting.ts";

/** A first boot at Hetzner takes a minute or two until sshd answers; this is beyond the slowest seen. */
const BOUND_SECONDS = 300;
const PAUSE_SECONDS = 2;

export interface Waiting {
  readonly address: string;
  /** The pinned key, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  readonly say: (line: string) => void;
  /** How long to wait for an answer. */
  readonly boundSeconds?: number;
  /** For tests; sshd's unless given. */
  readonly port?: number;
}

/**
 * Wait until the host shows its pinned key, and say so while it lasts. The provider's own dialling tells neither why it
 * waits nor when it is hopeless: another key than the pinned one it would try for minutes.
 * @throws {Error} at once for another key; after the bound when nothing answers
 */
export async function awaitHost({ address, hostKey, say, boundSeconds = BOUND_SECONDS, port }: Waiting): Promise<void> {
  const missing = await waitUntil({ boundSeconds, pauseSeconds: PAUSE_SECONDS, say, what: `waiting for sshd on ${address}` }, async () => {
    const met = await hostKeyAt(address, port);
    if (met.key === pinned(hostKey)) return undefined;
    if (met.key === undefined) return met.why;
    throw new Error(`connect to ${address}: the pinned host key is required, found another (${met.key.slice(0, 40)}…). Either this is not the server, or it was given another key (\`ssh-keyscan ${address}\` shows it): docs/configuration.md, "Another host key"`);
  });
  if (missing === undefined) return;
  throw new Error(`connect to ${address}: an answer of sshd is required within ${boundSeconds} s, found ${missing}. ${adviceOn(missing)}; then run the same command again: it goes on from here`);
}

/** A firewall drops, a host that boots or has no sshd refuses: each wants another look. */
function adviceOn(missing: string): string {
  return missing.startsWith("no answer")
    ? "Look whether your address is among berth:ssh.sources, and whether the network you are in lets port 22 out"
    : "Look at the server's console in Hetzner's web interface, whether it has booted";
}

/** Runs before the first command of an update goes to the host. */
export function reachable(name: string, config: Config, address: pulumi.Output<string>): pulumi.ResourceHook {
  const host = new Promise<string>((resolve) => address.apply(resolve));
  return new pulumi.ResourceHook(`${name}-reachable`, async () => {
    await awaitHost({ address: await host, hostKey: publicKey(config.secrets.hostKey), say: (line) => void pulumi.log.info(line) });
  });
}

function pinned(hostKey: string): string {
  return hostKey.trim().split(/\s+/)[1] ?? "";
}
