import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { bringBack, isOff, powerCut, typeOf } from "./power.ts";

/**
 * What to do about an error of Hetzner's API. Its provider passes on a sentence and a code, such as
 * `error during placement (resource_unavailable, 80c9d2d47a0577b7)`; the code says what helps.
 */

/** What failed, in the words of the engine. */
export interface Failure {
  /** `hcloud:index/volume:Volume` */
  readonly type: string;
  /** create, update or delete. */
  readonly operation: string;
  /** All that the provider said. */
  readonly text: string;
  /** The name at Hetzner. */
  readonly name: string;
  readonly serverType?: string;
  readonly location?: string;
  /** Of the volume that has this name already, where that could be found out. */
  readonly volumeId?: string;
  /** Of a server whose power is cut for this update. */
  readonly power?: Power;
}

interface Power {
  /** What Hetzner says of it now; undefined without an answer. */
  readonly off: boolean | undefined;
  /** The type that it is resized from; undefined when its addresses change. */
  readonly from?: string;
}

const AGAIN = "run the same command again: it goes on from here, and what is done stays done";

const GONE = "It, or what it belongs to, is gone at Hetzner, and the state does not know. Run the same command with --refresh.";

/** Codes that pass by themselves. */
const PASSING: Readonly<Record<string, string>> = {
  locked: "Another action is still under way on it. Wait for its end (Hetzner's web interface shows it)",
  conflict: "Something else changed it at the same moment. Look who else deploys this stack",
  rate_limit_exceeded: "The project's budget of requests (3600 an hour) is used up. Wait a few minutes",
  timeout: "Hetzner did not answer in time",
  bad_gateway: "Hetzner's API has a disturbance (https://status.hetzner.com). Wait for its end",
  server_error: "Hetzner's API has a disturbance (https://status.hetzner.com). Wait for its end",
  maintenance: "Hetzner's API is under maintenance (https://status.hetzner.com). Wait for its end",
};

/** What a person should do, in a few sentences; first what brings the application back. Pure. */
export function adviceFor(failure: Failure): string {
  return `${leftOff(failure)}${byCode(failure)}`;
}

/** The provider stops at what Hetzner refused, and powers nothing on again. */
function leftOff({ name, power }: Failure): string {
  if (power === undefined || power.off === false) return "";
  const { off, from } = power;
  const lead = off === true ? `Hetzner has left server ${name} powered off, and the application is down. Now` : `Hetzner may have left server ${name} powered off, and the application down. If so`;
  const then = from === undefined ? "See there first that its primary IPs are assigned to it: that can be done only while it is off." : `Set the server's type back to ${from} if it is to stay so.`;
  return `${lead}: ${bringBack(name)}. ${then} What stopped the update: `;
}

function byCode(failure: Failure): string {
  const code = /\(([a-z_]+), [0-9a-f]+\)/.exec(failure.text)?.[1] ?? "";
  const passing = PASSING[code];
  if (passing !== undefined) return `${passing}, then ${AGAIN}.`;
  // The engine's own words for a server whose making failed half-way, at the next update.
  if (failure.text.includes("did not exist while updating")) return GONE;
  switch (code) {
    case "action_failed":
      return "Hetzner began it and could not finish; what there is of it now, only a look tells. Run the same command with --refresh: it takes from the state what is gone, and goes on from there.";
    case "uniqueness_error":
      return taken(failure);
    case "resource_unavailable":
      return `Hetzner has no room for a ${failure.serverType ?? "server of this type"} in ${failure.location ?? "this location"} now, whatever its lists say. Wait and run the same command again; or take another type ` +
        "(`npx pulumi config set --path berth:server.type TYPE`). For another location start afresh, because address and volume stay where they were made: `npx pulumi destroy`, delete the volume at Hetzner if it holds nothing, set berth:server.location.";
    case "resource_limit_exceeded":
      return `The limit of Hetzner's project is reached. Have it raised in the web interface (Limits), or delete what is not needed, then ${AGAIN}.`;
    case "protected":
      return `It is protected at Hetzner. The data volume is, until berth:volume.deleteOnDestroy is true and an update was made with it; anything else somebody protected by hand. When it may go: take the protection off in the web interface, then ${AGAIN}.`;
    case "unauthorized":
    case "forbidden":
    case "token_readonly":
      return `Hetzner takes this token for no or too little: one that may read and write is required, in HCLOUD_TOKEN or by \`npx pulumi config set --secret hcloud:token\`; then ${AGAIN}.`;
    case "not_found":
      return GONE;
    case "":
      return `No answer of Hetzner's API: nobody knows whether it was done. ${AGAIN[0]?.toUpperCase() ?? ""}${AGAIN.slice(1)}. Should it then say that a name is taken, it was done.`;
    default:
      return `Correct what Hetzner says, then ${AGAIN}.`;
  }
}

/** A name, or a key, that is there already and that this stack does not know. */
function taken({ type, name, volumeId }: Failure): string {
  switch (type.split(":").at(-1) ?? "") {
    case "Volume":
      return `A volume ${name} is there, left by \`pulumi destroy\` or by an update that was cut off. To adopt it, with its data: ` +
        `\`npx pulumi config set --path berth:volume.id ${volumeId ?? "ID"}\` (${volumeId === undefined ? "the id is in Hetzner's web interface" : "its id"}). To begin with an empty one, delete or rename it at Hetzner. Then ${AGAIN}.`;
    case "Server":
      return `A server ${name} is there that this stack's state does not know. Made by an update that was cut off, it holds nothing: delete it at Hetzner, then ${AGAIN}. ` +
        "If it is another one's, from another checkout or state backend: leave it alone, and give this stack another name.";
    case "SshKey":
      return `The key, or its name ${name}, is registered at Hetzner by somebody or something else, or by an update that was cut off. Delete that entry (web interface: Security, SSH keys): no server is changed by it. Then ${AGAIN}.`;
    default:
      return `One with the name ${name} is there that this stack's state does not know: left by an update that was cut off, or another stack's. If nothing uses it, delete it at Hetzner, then ${AGAIN}. ` +
        "If berth:server.location was changed on a living stack: set it back; address and data stay where they were made.";
  }
}

/** Says, beside the provider's own error, what to do about it. Never tries again by itself: an answer that got lost may have made a server. */
export function adviceOnError(name: string): pulumi.ErrorHook {
  return new pulumi.ErrorHook(`${name}-advice`, async ({ id, type, name: resource, failedOperation, errors, newInputs, oldInputs }) => {
    const inputs = newInputs ?? oldInputs ?? {};
    const text = (key: string): string | undefined => {
      const value: unknown = inputs[key];
      return typeof value === "string" ? value : undefined;
    };
    const failure = { type, operation: failedOperation, text: errors.join("\n"), name: text("name") ?? resource };
    const found = type.endsWith(":Volume") && failure.text.includes("uniqueness_error") ? await hcloud.getVolume({ name: failure.name }).catch(() => undefined) : undefined;
    const power = failedOperation === "update" && type.endsWith(":Server") ? await powerOf(id, oldInputs, newInputs) : undefined;
    const [serverType, location] = [text("serverType"), text("location")];
    const advice = adviceFor({
      ...failure,
      ...(serverType === undefined ? {} : { serverType }),
      ...(location === undefined ? {} : { location }),
      ...(found === undefined ? {} : { volumeId: String(found.id) }),
      ...(power === undefined ? {} : { power }),
    });
    await pulumi.log.error(`${failedOperation} ${type.split(":").at(-1) ?? type} ${failure.name}: what to do: ${advice}`);
    return false;
  });
}

async function powerOf(id: string, before: unknown, after: unknown): Promise<Power | undefined> {
  if (powerCut(before, after) === undefined) return undefined;
  const from = typeOf(before);
  return { off: await isOff(id), ...(from === undefined || from === typeOf(after) ? {} : { from }) };
}
