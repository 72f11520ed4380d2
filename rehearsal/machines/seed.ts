/** What cloud-init reads of a server at its first boot, beside the user data. */
export interface SeedSpec {
  readonly id: number;
  readonly name: string;
  readonly sshKeys: readonly string[];
}

/** Where cloud-init's NoCloud source looks without being told. */
export const SEED_DIRECTORY = "/var/lib/cloud/seed/nocloud";

/** NoCloud's meta-data; the fields that Hetzner's own has. JSON is YAML. */
export function metaData(spec: SeedSpec): string {
  return `${JSON.stringify({ "instance-id": String(spec.id), "local-hostname": spec.name, "public-keys": spec.sshKeys }, null, 2)}\n`;
}
