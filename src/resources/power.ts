import { isDeepStrictEqual } from "node:util";
import * as hcloud from "@pulumi/hcloud";
import { valueAt } from "../config/issues.ts";

/** Hetzner's provider cuts a server's power for some changes. Which, whether it is off, and how it comes back. */

/** What cuts the power in an update of a server, as in "before the resize to cx43"; undefined when nothing does. @param before inputs, as in the engine's state */
export function powerCut(before: unknown, after: unknown): string | undefined {
  const type = typeOf(after);
  if (typeOf(before) !== type) return `the resize to ${type ?? "another type"}`;
  return isDeepStrictEqual(netOf(before), netOf(after)) ? undefined : "the change of its public addresses";
}

/** The server type in a server's inputs. */
export function typeOf(inputs: unknown): string | undefined {
  const type = valueAt(inputs, ["serverType"]);
  return typeof type === "string" ? type : undefined;
}

/** Whether Hetzner says that the server is off; undefined without an answer. @param id Hetzner's, as in the engine's state */
export async function isOff(id: string): Promise<boolean | undefined> {
  return await hcloud.getServer({ id: Number(id) }).then(({ status }) => status === "off", () => undefined);
}

/** What a person does about a server that is off. @param name at Hetzner */
export function bringBack(name: string): string {
  return `power it on in Hetzner's web interface, or by \`hcloud server poweron ${name}\`; it boots, and brings the application up by itself`;
}

/** What the program says of the public network, and nothing that a refresh may have put beside it. */
function netOf(inputs: unknown): unknown {
  const nets = valueAt(inputs, ["publicNets"]);
  return (Array.isArray(nets) ? (nets as readonly unknown[]) : []).map((net) => ["ipv4Enabled", "ipv4", "ipv6Enabled"].map((key) => valueAt(net, [key])));
}
