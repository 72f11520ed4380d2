import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { publicKey } from "../config/keys.ts";
import type { Config } from "../config/schema.ts";
import { hostKeyAt } from "../ssh-host-key.ts";

/** A first boot at Hetzner takes a minute or two until sshd answers; this is beyond the slowest seen. */
const BOUND_SECONDS = 300;
const PAUSE_SECONDS = 2;
/** How often a person is told that the wait goes on. */
const SAY_EVERY_SECONDS = 10;

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
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 1000);
  let said = -SAY_EVERY_SECONDS;
  for (;;) {
    const met = await hostKeyAt(address, port);
    if (met.key === pinned(hostKey)) return;
    if (met.key !== undefined) throw new Error(`connect to ${address}: the pinned host key is required, found another (${met.key.slice(0, 40)}…). Either this is not the server, or it was given another key: compare with \`ssh-keyscan ${address}\`, and see docs/configuration.md on secrets.hostKey`);
    if (seconds() >= boundSeconds) {
      throw new Error(`connect to ${address}: an answer of sshd is required within ${boundSeconds} s, found ${met.why}. Look whether your address is among berth:ssh.sources, ` +
        "and at the server's console in Hetzner's web interface; then run the same command again: it goes on from here");
    }
    if (seconds() - said >= SAY_EVERY_SECONDS) {
      said = seconds();
      say(`waiting for sshd on ${address}, ${said} s of at most ${boundSeconds} s: ${met.why}`);
    }
    await sleep(PAUSE_SECONDS * 1000);
  }
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
