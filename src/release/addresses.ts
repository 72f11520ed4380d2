import { createHash, createHmac, hkdfSync } from "node:crypto";

/** Where files go on the host: content-addressed, so that the same path always means the same bytes. */

export const OPT = "/opt/berth";
export const FILES = `${OPT}/files`;
export const SECRETS = `${OPT}/secrets`;
export const SCRIPTS = `${OPT}/scripts`;
export const RELEASES = `${OPT}/releases`;
export const VERIFIER = `${OPT}/verifier`;

/** 48 bits: two of a host's few hundred files share a name with a chance of one in 10^9. */
const SHORT = 12;

/** SHA-256 in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function short(digest: string): string {
  if (!/^[0-9a-f]{12,64}$/.test(digest)) throw new Error(`shortening a digest: required: at least ${SHORT} hex digits; found: ${digest}`);
  return digest.slice(0, SHORT);
}

/**
 * One digest over named texts, whatever their order. Names and texts are kept apart by JSON's quoting, so that moving a line from
 * one file to the next is a change.
 */
export function digestOf(texts: Readonly<Record<string, string>>): string {
  return sha256(JSON.stringify(Object.entries(texts).toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

export function fileAddress(name: string, text: string): string {
  return `${FILES}/${short(sha256(text))}-${name}`;
}

export function verifierAddress(digest: string): string {
  return `${VERIFIER}/${short(digest)}.mjs`;
}

/** A file of a release, or without a name its directory. */
export function releaseAddress(r12: string, name?: string): string {
  return name === undefined ? `${RELEASES}/${r12}` : `${RELEASES}/${r12}/${name}`;
}

/**
 * Names secret files. A plain hash of a short secret can be found by trying; this is keyed by the stack's host key, which
 * whoever can read a file name cannot read. The owner is part of the name: another uid is another file.
 */
export function secretAddresses(hostKey: string): (name: string, uid: number, value: string) => string {
  const key = Buffer.from(hkdfSync("sha256", hostKey, "", "berth secret file names", 32));
  return (name, uid, value) => {
    const mac = createHmac("sha256", key).update(JSON.stringify([name, uid, value])).digest("hex");
    return `${SECRETS}/${name}-${short(mac)}`;
  };
}

/** Device node of a Hetzner volume, by its id. */
export function volumeDevice(volumeId: string): string {
  return `/dev/disk/by-id/scsi-0HC_Volume_${volumeId}`;
}
