import type { Facts } from "../seen.ts";
import type { Check, Expectations } from "../types.ts";
import { fail, pass } from "../verdict.ts";
import { DAY_MS, DAYS_FAIL, DAYS_WARN } from "./outside.ts";

/** The certificate as the host itself is served it: what the timer watches. Whether the world trusts it is the probe's to see. */
export function proxyCertificate({ seen, host }: Facts, { domain }: Expectations): Check[] {
  if (domain === null) return [];
  const expected = `a certificate for ${domain}, ${DAYS_WARN} days or more`;
  if (!host.certificateEnds.known) {
    // The first takes a minute, and DNS must point here: no fault of a release.
    return [pass("proxy.certificate", "none is served", expected, `the first one is on its way, or DNS of ${domain} does not point here: \`berth logs proxy\``)];
  }
  const days = Math.floor((host.certificateEnds.value - Date.parse(seen.at)) / DAY_MS);
  const said = `${days} days left`;
  if (days < DAYS_FAIL) return [fail("proxy.certificate", said, expected)];
  return [pass("proxy.certificate", said, expected, days < DAYS_WARN ? "it should have been renewed by now: `berth logs proxy`" : undefined)];
}
