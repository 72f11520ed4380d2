import { expect, test } from "vitest";
import { powerCut } from "../../src/resources/power.ts";

/** As the engine hands them on: what the program said, and what a refresh put beside it. */
const BEFORE = { name: "berth-prod", serverType: "cx33", labels: { stack: "prod" }, publicNets: [{ ipv4Enabled: true, ipv4: 2, ipv6Enabled: true, ipv6: 3 }] };
const NETS = [{ ipv6Enabled: true, ipv4: 2, ipv4Enabled: true }];

test.each([
  ["another type", { serverType: "cx43" }, "the resize to cx43"],
  ["no IPv6 any more", { publicNets: [{ ipv4Enabled: true, ipv4: 2, ipv6Enabled: false }] }, "the change of its public addresses"],
  ["another IPv4 address", { publicNets: [{ ipv4Enabled: true, ipv4: 7, ipv6Enabled: true }] }, "the change of its public addresses"],
  // The application would be stopped, and nothing would start it again.
  ["other labels, the same addresses", { labels: {}, publicNets: NETS }, undefined],
])("%s", (_, change, cut) => {
  expect(powerCut(BEFORE, { ...BEFORE, publicNets: NETS, ...change })).toBe(cut);
});
