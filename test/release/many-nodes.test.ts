import { expect, test } from "vitest";
import { manyNodes } from "../../bench/nodes.ts";
import { everywhere } from "../../src/config/nodes.ts";
import { releaseBundle } from "../../src/release/bundle.ts";

const scripts = { berth: `#!/bin/sh\n${"echo berth\n".repeat(8_000)}` };

/** Seconds of processor time for every node's release: the machine may be doing something else. */
function cost(count: number): number {
  const config = manyNodes(count);
  const before = process.cpuUsage();
  const bundles = everywhere(config).map((here) => releaseBundle({ config, here, deployKeys: [], volumeId: "4711", scripts, verifierDigest: "ab".repeat(32) }).r12);
  const { user, system } = process.cpuUsage(before);
  expect(new Set(bundles).size).toBe(count);
  return (user + system) / 1e6;
}

test("eight times the nodes cost about eight times as much, and not the 64 times of something that looks at each node from each", () => {
  const best = (count: number): number => Math.min(...[1, 2, 3].map(() => cost(count)));
  best(50);
  expect(best(800) / best(100)).toBeLessThan(24);
});
