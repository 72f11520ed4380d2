import type { Facts } from "../seen.ts";
import type { Check, Expectations } from "../types.ts";
import { fail, pass, unknown } from "../verdict.ts";
import { remaining } from "./outside.ts";

/** The certificate as the host itself is served it: what the timer watches. Whether the world trusts it is the probe's to see. */
export function proxyCertificate({ seen, host }: Facts, { domain }: Expectations): Check[] {
  if (domain === null) return [];
  if (!host.certificate.known) return [unknown("proxy.certificate", host.certificate.why, `a certificate for ${domain}`)];
  if (host.certificate.value === null) {
    // The first takes a minute, and DNS must point here: no fault of a release.
    return [pass("proxy.certificate", "none is served", `a certificate for ${domain}`, `the first one is on its way, or DNS of ${domain} does not point here: \`berth logs proxy\``)];
  }
  const { said, wanted, fails, late } = remaining(host.certificate.value, Date.parse(seen.at));
  const expected = `a certificate for ${domain}, ${wanted}`;
  if (fails) return [fail("proxy.certificate", said, expected)];
  return [pass("proxy.certificate", said, expected, late ? "it should have been renewed by now: `berth logs proxy`" : undefined)];
}
