import * as pulumi from "@pulumi/pulumi";
import { BERTH } from "../compose/paths.ts";
import { stopSeconds } from "../compose/periods.ts";
import { LONGEST_STOP_SECONDS } from "../config/budgets.ts";
import type { Config } from "../config/schema.ts";
import { STOP_MARGIN_SECONDS } from "../host/units.ts";
import { runOverSsh } from "../ssh.ts";
import { targetAt } from "./connection.ts";
import { isOff, powerCut } from "./power.ts";

/**
 * Hetzner's provider powers a server off hard to change its type or its public addresses. This hook runs before the engine updates the server and, when
 * that is what changes, stops the application in order first: jobs finish, Redis and Postgres write what they hold.
 */
export function stopBeforePowerCut(name: string, config: Config, address: pulumi.Output<string>): pulumi.ResourceHook {
  const host = new Promise<string>((resolve) => address.apply(resolve));
  return new pulumi.ResourceHook(`${name}-stop-before-resize`, async ({ id, oldInputs, newInputs }) => {
    const cut = powerCut(oldInputs, newInputs);
    if (cut === undefined) return;
    // As an update leaves it whose change Hetzner refused: nothing runs, nobody would answer, and the same command must go on.
    if (await isOff(id) === true) {
      await pulumi.log.info(`server ${name} is powered off at Hetzner: there is nothing to stop before ${cut}`);
      return;
    }
    const stopped = await runOverSsh(
      targetAt(await host, config),
      stopCommand(config.project),
      { timeoutSeconds: stopBoundSeconds(config) },
    );
    if (stopped.code !== 0) {
      throw new Error(
        `stop the application before ${cut}: required: no container of ${config.project} runs; found (exit ${stopped.code}): ${stopped.stderr.trim() || "nothing said"}. ` +
          "Nothing was changed at Hetzner. Look at `journalctl -u berth -n 50` on the server, then run this again",
      );
    }
  });
}

/**
 * Shell text that stops the application in order and fails while a container of it runs. systemd's word is not enough: a unit that is not active, or
 * whose stop came to its time-out, is stopped without its containers being so.
 */
export function stopCommand(project: string): string {
  const running = `sudo docker ps --filter label=com.docker.compose.project=${project} --format '{{.Names}}'`;
  return [
    "sudo systemctl stop berth.service",
    `left=$(${running}) || exit 1`,
    '[ -n "$left" ] || exit 0',
    `sudo ${BERTH} stop`,
    `left=$(${running}) || exit 1`,
    '[ -z "$left" ] || { echo "still running:" $left >&2; exit 1; }',
  ].join("; ");
}

/**
 * Bound on that, in seconds: two stops, each with the longest grace period a configuration may have. The release that is being stopped may have had
 * a longer one than the configuration at hand; its own units keep to theirs.
 */
export function stopBoundSeconds(config: Config): number {
  const longest = { ...config, worker: { ...config.worker, stopGraceSeconds: LONGEST_STOP_SECONDS } };
  return 2 * (stopSeconds(longest) + STOP_MARGIN_SECONDS);
}
