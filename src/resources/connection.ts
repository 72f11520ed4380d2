import { dirname } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { remote } from "@pulumi/command/types/input.js";
import { publicKey } from "../config/keys.ts";
import type { Config } from "../config/schema.ts";
import { DEPLOY_USER } from "../host/cloud-init.ts";
import type { ReleaseBundle } from "../release/bundle.ts";
import type { SshTarget } from "../ssh.ts";

/**
 * 60 dials are about 260 s with the provider's back-off (100 ms x 1.5, at most 5 s): a first boot at Hetzner takes a
 * minute or two until sshd answers.
 */
const DIAL_ATTEMPTS = 60;

/** How every command reaches the host: by key, with the host key of the stack pinned. */
export function connectionTo(address: pulumi.Input<string>, config: Config): remote.ConnectionArgs {
  return {
    host: address,
    user: DEPLOY_USER,
    privateKey: pulumi.secret(config.secrets.deployKey.reveal()),
    hostKey: publicKey(config.secrets.hostKey),
    dialErrorLimit: DIAL_ATTEMPTS,
  };
}

/** The same for a hook, which signs in by itself. */
export function targetAt(host: string, config: Config): SshTarget {
  return { host, user: DEPLOY_USER, privateKey: config.secrets.deployKey.reveal(), hostKey: publicKey(config.secrets.hostKey) };
}

/** The first node, for a hook that asks it; `scripts` is the directory of this release's. Settles once it has an address, in a preview of a new stack never. */
export function firstNode(config: Config, address: pulumi.Output<string>, bundle: pulumi.Output<ReleaseBundle>): Promise<{ readonly first: SshTarget; readonly scripts: string }> {
  return new Promise((resolve) => pulumi.all([address, bundle]).apply(([host, { program }]) => resolve({ first: targetAt(host, config), scripts: dirname(program) })));
}
