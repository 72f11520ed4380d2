import type { Facts } from "../seen.ts";
import type { Check } from "../types.ts";
import { unknown, verdict } from "../verdict.ts";

/** Files laid down on the host whose bytes are no longer the release's. */
export function driftFiles({ host }: Facts): Check {
  const expected = "files as released";
  if (!host.drift.known) return unknown("drift.files", host.drift.why, expected);
  return verdict("drift.files", host.drift.value.map((path) => `${path} differs`), expected, expected);
}
