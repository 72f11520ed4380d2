/** Where the drop-in goes; first boot writes it, and every release after. */
export const SSHD_PATH = "/etc/ssh/sshd_config.d/10-berth.conf";

/** Where sshd looks for the keys that may deploy. Not below the account's home: what is dropped from the configuration must not live on there. */
export const DEPLOY_KEYS_PATH = "/etc/ssh/authorized_keys.d/deploy";

/** The file at that path. sshd reads it at each sign-in. */
export function deployKeysText(publicKeys: readonly string[]): string {
  return `# Berth: rendered from berth:secrets; changed here, it is changed back.\n${publicKeys.map((key) => `${key}\n`).join("")}`;
}

/** sshd: keys only, no root, and room for a deployment that opens several connections at once. */
export const SSHD_CONFIG = `# Berth: keys only. Debian reads this directory first, and sshd keeps the first value it reads.
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
X11Forwarding no
AllowAgentForwarding no
# The default 10:30:100 drops parallel connections at random before they have signed in.
MaxStartups 60:30:120
# A deployment that vanished gives its session back within two minutes.
ClientAliveInterval 30
ClientAliveCountMax 4
# Keys that a rotation dropped are accepted no longer, wherever they may still be written down.
Match User deploy
  AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u
`;
