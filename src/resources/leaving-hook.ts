import * as pulumi from "@pulumi/pulumi";
import type { Layout } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import type { ReleaseBundle } from "../release/bundle.ts";
import { messageOf } from "../verify/words.ts";
import { firstNode } from "./connection.ts";
import { Leaving } from "./leaving.ts";

export interface LeavingHooks {
  /** Runs before the update's first release: stops the nodes that leave the stack. */
  readonly halt: pulumi.ResourceHook;
  /** Runs when a release fails up to the first node's, the one before is back and counts on them: starts them again. */
  readonly bringBack: pulumi.ErrorHook;
}

/**
 * @param address of the first node, which knows who ran what and through which the others are reached
 * @param bundle of the first node
 */
export function leavingHooks(config: Config, layout: Layout, address: pulumi.Output<string>, bundle: pulumi.Output<ReleaseBundle>): LeavingHooks {
  const say = (line: string): void => void pulumi.log.info(line);
  const leaving = firstNode(config, address, bundle).then((node) => new Leaving({ ...node, project: config.project, layout, say }));
  return {
    halt: new pulumi.ResourceHook("halt-leaving", async () => {
      // Whoever could not be asked is judged by its connections.
      await (await leaving).halt().catch((error: unknown) => say(`which nodes leave the stack could not be asked: ${messageOf(error)}`));
    }),
    bringBack: new pulumi.ErrorHook("bring-back-leaving", async () => {
      await (await leaving).bringBack();
      return false;
    }),
  };
}
