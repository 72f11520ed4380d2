import type { TarFile } from "../machines/tar.ts";
import type { Certificates } from "./certificates.ts";

/** A managed Redis as a provider sets it up: TLS on its only port, no default user, a customer who may neither administer nor do what is dangerous. */

export interface ProviderSettings extends Certificates {
  readonly user: string;
  readonly password: string;
  /** ACL rules beside everything that is neither @admin nor @dangerous. */
  readonly allow?: readonly string[];
}

/** What most providers leave their customer of the dangerous commands: to see who is connected, and how Redis is. */
export const COMMON_ALLOWANCE = ["+info", "+client|list", "+client|id"] as const;

/** Files of the container's data directory; one directory is all that the image lets its user write to. */
export function providerFiles({ authority, certificate, key, user, password, allow = COMMON_ALLOWANCE }: ProviderSettings): TarFile[] {
  const acl = `user default off\nuser ${user} on >${password} ~* &* +@all -@admin -@dangerous ${allow.join(" ")}\n`;
  return [
    { path: "/data/ca.crt", mode: "0644", text: authority },
    { path: "/data/tls.crt", mode: "0644", text: certificate },
    { path: "/data/tls.key", mode: "0644", text: key },
    { path: "/data/users.acl", mode: "0644", text: acl },
  ];
}

/** The server's command: `port` is the only one, and speaks TLS. */
export function providerCommand(port: number): string[] {
  return [
    "redis-server", "--port", "0", "--tls-port", String(port),
    "--tls-cert-file", "/data/tls.crt", "--tls-key-file", "/data/tls.key", "--tls-ca-cert-file", "/data/ca.crt", "--tls-auth-clients", "no",
    "--aclfile", "/data/users.acl", "--save", "", "--appendonly", "yes", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction",
  ];
}
