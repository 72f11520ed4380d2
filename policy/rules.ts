import { isVersioned, parseImage } from "../src/config/image.ts";
import type { Acknowledged } from "./acknowledged.ts";
import { composeImages } from "./compose-images.ts";
import { covers, opensToWorld } from "./firewall.ts";
import { at, listOf, text } from "./inputs.ts";

/**
 * What holds for any stack, whatever its settings say and whatever the program becomes. Plain functions over a resource's
 * inputs: Pulumi asks them through pack.ts, and the tests of the program ask them without an engine.
 *
 * A violation says what is required, what was found and what to do, without the resource's name: Pulumi adds that.
 */
export interface Rule {
  readonly name: string;
  readonly description: string;
  readonly judge: (resource: Judged, acknowledged: Acknowledged) => string[];
}

/** A resource as it is registered: its type token, its name, and its inputs with secrets in the clear. */
export interface Judged {
  readonly type: string;
  readonly name: string;
  readonly inputs: unknown;
}

const FIREWALL = "hcloud:index/firewall:Firewall";
const VOLUME = "hcloud:index/volume:Volume";
/** Every resource of the command provider that signs in somewhere. */
const REMOTE = /^command:remote:/;
/** Ports of Redis and Postgres: nobody's business but the application's. */
const DATA_PORTS: readonly (readonly [port: number, service: string])[] = [[6379, "Redis"], [5432, "Postgres"]];

export const rules: readonly Rule[] = [
  {
    name: "no-data-port",
    description: "No firewall lets anybody in to Redis or Postgres.",
    judge: ({ type, inputs }) => {
      if (type !== FIREWALL) return [];
      return listOf(inputs, "rules").flatMap((rule) =>
        DATA_PORTS.filter(([port]) => covers(rule, port)).map(([port, service]) =>
          `required no way in to ${service}; found a rule that opens port ${port} (${text(at(rule, "port")) ?? "any"}); take it out: the application reaches ${service} inside the server`));
    },
  },
  {
    name: "ssh-sources",
    description: "SSH is for named sources, or its opening is acknowledged by berth:ssh.openToWorld.",
    judge: ({ type, inputs }, { sshOpenToWorld }) => {
      if (type !== FIREWALL || sshOpenToWorld) return [];
      return listOf(inputs, "rules").filter((rule) => covers(rule, 22) && opensToWorld(rule)).map(() =>
        "required named sources for port 22; found the world; name them in berth:ssh.sources, or say berth:ssh.openToWorld: true");
    },
  },
  {
    name: "data-retained",
    description: "The data volume is protected from deletion, or its deletion is acknowledged by berth:volume.deleteOnDestroy.",
    judge: ({ type, inputs }, { dataDeletable }) => {
      if (type !== VOLUME || dataDeletable || at(inputs, "deleteProtection") === true) return [];
      return [`required deleteProtection: true on a volume; found ${JSON.stringify(at(inputs, "deleteProtection") ?? null)}; protect it, or say berth:volume.deleteOnDestroy: true`];
    },
  },
  {
    name: "images-pinned",
    description: "Every image of a Compose document has a digest or a tag with a version.",
    judge: ({ type, inputs }) => {
      if (!REMOTE.test(type)) return [];
      return composeImages(text(at(inputs, "stdin")) ?? "").flatMap(({ service, image }) => {
        const reference = image === undefined ? undefined : parseImage(image);
        if (reference !== undefined && isVersioned(reference)) return [];
        return [`required a digest or a version for the image of ${service}; found ${JSON.stringify(image ?? null)}; pin it in the stack's settings`];
      });
    },
  },
  {
    name: "host-key-pinned",
    description: "Every connection to a host pins its key.",
    judge: ({ type, inputs }) => {
      if (!REMOTE.test(type)) return [];
      const connection = at(inputs, "connection");
      // A preview of a first deployment does not know the address yet: the provider then shows a connection of defaults. The update asks again.
      if (at(connection, "host") === "") return [];
      const hops: readonly (readonly [string, unknown])[] = [["connection", connection], ["connection.proxy", at(connection, "proxy")]];
      return hops.flatMap(([name, hop]) => {
        if (name !== "connection" && (hop === undefined || hop === null)) return [];
        if (/^ssh-ed25519 \S+/.test(text(at(hop, "hostKey")) ?? "")) return [];
        return [`required ${name}.hostKey, an ssh-ed25519 public key; found none: whoever answers at that address would be given the secrets; set it`];
      });
    },
  },
];
