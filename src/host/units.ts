import { BERTH, MOUNT } from "../compose/paths.ts";
import { stopSeconds, verifySeconds, waitSeconds } from "../compose/periods.ts";
import { firstOf, type Here } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";

/** systemd units: path below / -> text. The commands are those of `server/berth`. */

/** Above the command's own bounds, so that it ends by itself and says why: the wait for the device, 900 s for a check of its file system. */
const VOLUME_SECONDS = 1200;
/** One wait for the device: Hetzner attaches within seconds of the boot. Short, because the boot is held up by it, and it is tried again. */
const VOLUME_WAIT_SECONDS = 30;
/** Between two tries of the volume, the network or the firewall. More than 2 s, so that one that fails at once stays below systemd's limit of 5 starts in 10 s. */
const RETRY_SECONDS = 10;
/** `compose up` may use its bound twice (server/compose.sh), after up to 900 s for the lock. */
const BOOT_MARGIN_SECONDS = 1200;
/** Above the bound of the stop itself, for the lock and for systemd. */
export const STOP_MARGIN_SECONDS = 120;

function volumeUnit(): string {
  return `[Unit]
Description=Berth: the data volume, mounted at ${MOUNT} and known to be the right one
Documentation=file:/opt/berth/scripts/current/volume.sh
After=local-fs.target systemd-udevd.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=BERTH_VOLUME_WAIT=${VOLUME_WAIT_SECONDS}
ExecStart=${BERTH} volume
# Docker and the application were refused with the first try that failed. A volume that is attached later brings them up, without a reboot;
# at a boot they are on their way already, and this asks for nothing new.
ExecStartPost=-systemctl start --no-block berth.service
Restart=on-failure
RestartSec=${RETRY_SECONDS}
TimeoutStartSec=${VOLUME_SECONDS}

[Install]
WantedBy=multi-user.target
`;
}

/** One wait for the private network's interface, which Hetzner may attach late; then it is tried again. */
const NETWORK_WAIT_SECONDS = 30;

function networkUnit(): string {
  return `[Unit]
Description=Berth: this node's address on the private network
After=network-pre.target
# A port published on an address that is not there yet does not start.
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=BERTH_NETWORK_WAIT=${NETWORK_WAIT_SECONDS}
ExecStart=${BERTH} network
# A restart would stop the application, which requires this, and that waits for the release that asked for it: a server that gets company is one
# on which all of it runs already.
ExecReload=${BERTH} network
# An interface that appears later brings the application up, without hands.
ExecStartPost=-systemctl start --no-block berth.service
Restart=on-failure
RestartSec=${RETRY_SECONDS}
TimeoutStartSec=120

[Install]
WantedBy=multi-user.target
`;
}

/** Docker arranges its chains anew at each start, and not always behind DOCKER-USER. */
const FIREWALL_AGAIN = `
[Service]
ExecStartPost=-${BERTH} firewall
`;

function dockerDropIn({ volume }: Here["node"]): string {
  if (volume === null) return `# Docker starts containers by itself: not without the firewall's rules, which keep the host's private key from them.
[Unit]
Requires=berth-firewall.service
After=berth-firewall.service
${FIREWALL_AGAIN}`;
  return `# Docker starts containers by itself, and a missing mount point is just an empty directory to it: Redis and Postgres would
# come up empty on the root disk, all green. So Docker waits for the volume, and does not start without it; nor without the
# firewall's rules, which keep the host's private key from the containers.
[Unit]
Requires=berth-volume.service berth-firewall.service
After=berth-volume.service berth-firewall.service
RequiresMountsFor=${MOUNT}
${FIREWALL_AGAIN}`;
}

function firewallUnit(): string {
  return `[Unit]
Description=Berth: the host's own firewall rules
# Before Docker, which requires it, so that no container ever runs without them.
Before=docker.service
After=network-pre.target nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${BERTH} firewall
# A restart would take Docker with it, which requires this; changed rules are loaded by a reload.
ExecReload=${BERTH} firewall
# Docker was refused with the first try that failed; the one that succeeds brings it up, by the application that wants it.
ExecStartPost=-systemctl start --no-block berth.service
Restart=on-failure
RestartSec=${RETRY_SECONDS}
TimeoutStartSec=60

[Install]
WantedBy=multi-user.target
`;
}

function applicationUnit(config: Config, { node }: Here): string {
  const requires = [...(node.volume === null ? [] : ["berth-volume.service"]), ...(node.address === null ? [] : ["berth-network.service"])];
  const after = ["docker.service", ...requires, "berth-firewall.service", "network-online.target"];
  return `[Unit]
Description=Berth: ${config.project}, started and stopped in order
# Wants and not Requires: with live-restore the containers outlive a restart of Docker, and so shall this unit.
Wants=docker.service berth-firewall.service network-online.target
${requires.length === 0 ? "" : `Requires=${requires.join(" ")}\n`}After=${after.join(" ")}

[Service]
Type=oneshot
RemainAfterExit=yes
# Docker ignores depends_on when it starts containers itself after a boot; this brings them up in order and waits.
ExecStart=${BERTH} boot
# In the other order, while Docker still runs: the proxy, the application, then Redis and Postgres.
ExecStop=${BERTH} stop
TimeoutStartSec=${waitSeconds(config) * 2 + BOOT_MARGIN_SECONDS}
TimeoutStopSec=${stopSeconds(config) + STOP_MARGIN_SECONDS}

[Install]
WantedBy=multi-user.target
`;
}

/** Whether somebody is to be told what the server finds when it verifies itself. */
export function alerts({ alert, secrets }: Config): boolean {
  return alert.command.length > 0 || secrets.alertWebhook !== undefined;
}

function watchUnit(config: Config): string {
  return `[Unit]
Description=Berth: verify, and tell what began to fail or no longer does
After=berth.service

[Service]
Type=oneshot
ExecStart=${BERTH} watch
# The verification's own bound, and a minute for each who is told.
TimeoutStartSec=${verifySeconds(config) + 240}
Nice=10
`;
}

function watchTimer({ alert }: Config): string {
  return `[Unit]
Description=Berth: verify every ${alert.everyMinutes} min

[Timer]
# After a boot the application has its time to come up: \`berth watch\` leaves a boot that is under way alone.
OnBootSec=${alert.everyMinutes}min
# From the end of one to the beginning of the next: two never overlap.
OnUnitInactiveSec=${alert.everyMinutes}min
OnActiveSec=${alert.everyMinutes}min
AccuracySec=5s

[Install]
WantedBy=timers.target
`;
}

export function units(config: Config, here: Here = firstOf(config)): Record<string, string> {
  const { volume, address } = here.node;
  return {
    "/etc/systemd/system/berth-firewall.service": firewallUnit(),
    ...(address === null ? {} : { "/etc/systemd/system/berth-network.service": networkUnit() }),
    ...(volume === null ? {} : { "/etc/systemd/system/berth-volume.service": volumeUnit() }),
    "/etc/systemd/system/berth.service": applicationUnit(config, here),
    "/etc/systemd/system/docker.service.d/berth.conf": dockerDropIn(here.node),
    ...(alerts(config) ? { "/etc/systemd/system/berth-watch.service": watchUnit(config), "/etc/systemd/system/berth-watch.timer": watchTimer(config) } : {}),
  };
}
