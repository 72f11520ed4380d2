import { foundText, type Fault } from "./fault.ts";
import { readPrivateKey } from "./keys.ts";
import type { Rule } from "./rules.ts";
import type { Secret } from "./secret.ts";

/** Rules about who may reach the server, and by which keys. */

/** Whether a range is the whole of IPv4 or IPv6, however its address is written. */
function isWorld(range: string): boolean {
  return range.endsWith("/0");
}

function keyFaults(path: string, secret: Secret): Fault[] {
  const key = readPrivateKey(secret.reveal());
  if (typeof key !== "string") return [];
  return [{ path, required: "an ed25519 private key in OpenSSH's format, without a passphrase", found: key }];
}

function samePublicHalf(a: Secret, b: Secret): boolean {
  const [first, second] = [readPrivateKey(a.reveal()), readPrivateKey(b.reveal())];
  return typeof first !== "string" && typeof second !== "string" && first.line === second.line;
}

/** Whether the server's Python makes a request of an address: it takes one as it stands, where a browser would mend it. */
function canBePosted(address: string): boolean {
  if (!/^https?:\/\/[\u0021-\u007e]+$/i.test(address)) return false;
  const url = URL.parse(address);
  return url !== null && url.username === "" && url.password === "";
}

export const accessRules: readonly Rule[] = [
  {
    reads: ["ssh.sources", "ssh.openToWorld"],
    judge: ({ ssh }) => {
      if (ssh.openToWorld) return [];
      if (ssh.sources.length === 0) {
        return [{ path: "ssh.sources", required: "at least one address range that may reach port 22 (or ssh.openToWorld: true)", found: "an empty list" }];
      }
      return ssh.sources.flatMap((range, index) =>
        isWorld(range)
          ? [{ path: `ssh.sources[${index}]`, required: "a range smaller than the world (or ssh.openToWorld: true, in so many words)", found: foundText(range) }]
          : [],
      );
    },
  },
  { reads: ["secrets.deployKey"], judge: ({ secrets }) => keyFaults("secrets.deployKey", secrets.deployKey) },
  ...(["nextDeployKey", "previousDeployKey"] as const).map((name): Rule => ({
    reads: [`secrets.${name}`, "secrets.deployKey", "secrets.hostKey"],
    judge: ({ secrets }) => {
      const key = secrets[name];
      if (key === undefined) return [];
      if (samePublicHalf(key, secrets.deployKey)) return [{ path: `secrets.${name}`, required: "another key than secrets.deployKey, or none", found: "the same key" }];
      if (samePublicHalf(key, secrets.hostKey)) return [{ path: `secrets.${name}`, required: "another key than secrets.hostKey: the host key is on the server, a deploy key must not be", found: "the host key" }];
      return keyFaults(`secrets.${name}`, key);
    },
  })),
  { reads: ["secrets.hostKey"], judge: ({ secrets }) => keyFaults("secrets.hostKey", secrets.hostKey) },
  {
    reads: ["secrets.deployKey", "secrets.hostKey"],
    judge: ({ secrets }) =>
      samePublicHalf(secrets.deployKey, secrets.hostKey)
        ? [{ path: "secrets.hostKey", required: "a key of its own: the host key is on the server, the deploy key must not be", found: "the deploy key" }]
        : [],
  },
  {
    reads: ["secrets.alertWebhook"],
    judge: ({ secrets: { alertWebhook } }) =>
      alertWebhook === undefined || canBePosted(alertWebhook.reveal().trim())
        ? []
        : [{ path: "secrets.alertWebhook", required: "an address such as https://alerts.example.com/hooks/42, without a user, blanks or letters beyond ASCII (as %XX)", found: "another text (not shown)" }],
  },
  {
    reads: ["acme", "domain"],
    judge: ({ acme, domain }) => {
      if (domain !== undefined || (acme.email === undefined && acme.directory === undefined && !acme.staging)) return [];
      return [{ path: "domain", required: "the name that certificates are for, since acme is set", found: "nothing" }];
    },
  },
];
