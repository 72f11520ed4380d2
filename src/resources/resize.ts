import * as pulumi from "@pulumi/pulumi";
import { publicKey } from "../config/keys.ts";
import type { Config } from "../config/schema.ts";
import { DEPLOY_USER } from "../host/cloud-init.ts";
import { runOverSsh } from "../ssh.ts";

/**
 * Hetzner powers a server off hard to change its type. This hook runs before the engine updates the server and, when
 * the type is what changes, stops the application in order first: jobs finish, Redis and Postgres write what they hold.
 */
export function stopBeforeResize(name: string, config: Config, address: pulumi.Output<string>): pulumi.ResourceHook {
  const host = new Promise<string>((resolve) => address.apply(resolve));
  return new pulumi.ResourceHook(`${name}-stop-before-resize`, async ({ oldInputs, newInputs }) => {
    if (typeOf(oldInputs) === typeOf(newInputs)) return;
    const stopped = await runOverSsh(
      {
        host: await host,
        user: DEPLOY_USER,
        privateKey: config.secrets.deployKey.reveal(),
        hostKey: publicKey(config.secrets.hostKey),
      },
      "sudo systemctl stop berth.service",
      { timeoutSeconds: 300 },
    );
    if (stopped.code !== 0) {
      throw new Error(`stop the application before the resize to ${typeOf(newInputs)}: exit 0 is required, found ${stopped.code}: ${stopped.stderr}`);
    }
  });
}

function typeOf(inputs: unknown): string | undefined {
  const type = typeof inputs === "object" && inputs !== null && "serverType" in inputs ? inputs.serverType : undefined;
  return typeof type === "string" ? type : undefined;
}
