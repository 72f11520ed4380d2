import { yamlText } from "../compose/yaml.ts";
import { deployKeys, publicKey } from "../config/keys.ts";
import type { Config } from "../config/schema.ts";
import { DEPLOY_KEYS_PATH, deployKeysText, SSHD_CONFIG, SSHD_PATH } from "./sshd.ts";

/** Account that deployments sign in with. */
export const DEPLOY_USER = "deploy";

/** Not 1000, the first that would be given out: processes in containers run as that one, and would be the account's own to the kernel. */
const DEPLOY_UID = 2022;

export interface CloudInitKeys {
  /** Public keys that may sign in, one line each. */
  readonly authorizedKeys: readonly string[];
  /** The host's own ed25519 key: OpenSSH private text, and its public line. */
  readonly hostKeyPrivate: string;
  readonly hostKeyPublic: string;
}

/** Debian's own packages; no third-party source. Docker's client is a package of its own since Debian 13. */
// Recommended packages are left out (git, perl, buildx, criu: 116 MB that nothing here uses), but for the confinement of containers.
const PACKAGES = ["docker.io", "docker-cli", "docker-compose", "iptables", "nftables", "apparmor", "ca-certificates"];

/**
 * User data that does what only a first boot can: the account, the host key that every connection is pinned to, sshd, Docker.
 * Everything else is a host setting, laid down by each release, so that a change of it arrives on a living server.
 */
export function cloudInitText(keys: CloudInitKeys): string {
  const data = {
    users: [
      {
        name: DEPLOY_USER,
        uid: DEPLOY_UID,
        gecos: "Berth deployments",
        shell: "/bin/bash",
        lock_passwd: true,
        sudo: ["ALL=(ALL) NOPASSWD:ALL"],
        ssh_authorized_keys: keys.authorizedKeys,
      },
    ],
    disable_root: true,
    ssh_pwauth: false,
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: keys.hostKeyPrivate, ed25519_public: keys.hostKeyPublic },
    write_files: [
      { path: SSHD_PATH, permissions: "0644", content: SSHD_CONFIG },
      { path: DEPLOY_KEYS_PATH, permissions: "0644", content: deployKeysText(keys.authorizedKeys) },
      { path: "/etc/apt/apt.conf.d/10-berth", permissions: "0644", content: 'DPkg::Lock::Timeout "300";\nAPT::Install-Recommends "false";\n' },
    ],
    package_update: true,
    packages: PACKAGES,
  };
  return `#cloud-config\n${yamlText(data, {
    header: "Rendered by Berth (src/host/cloud-init.ts). Holds the host's private key: secret.",
    above: {
      users: "One account, by key, without a password. The image's default account is not made.",
      disable_root: "Hetzner puts the deployment's key on root; it may not sign in with it.",
      ssh_deletekeys: "The image's keys go, this one comes: a connection that is pinned to it knows the host from the first boot on.",
      write_files: "In place before sshd and apt first run. A fresh image's own updates may hold apt's lock for minutes: wait for it.",
      package_update: "From the distribution's own archive.",
    },
  })}`;
}

/** User data of a stack. Secret. */
export function cloudInit(config: Config): string {
  const { hostKey } = config.secrets;
  return cloudInitText({ authorizedKeys: deployKeys(config), hostKeyPrivate: hostKey.reveal(), hostKeyPublic: publicKey(hostKey) });
}
