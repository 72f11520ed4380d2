import type { Facts } from "../seen.ts";
import { containersOf, runningServices } from "../services.ts";
import type { Check, Expectations } from "../types.ts";
import { pass, unknown, verdict } from "../verdict.ts";
import { bytes } from "../words.ts";

/** Limits as the kernel has them, not as a file promises them. */

export function limitsMemory({ host }: Facts, expectations: Expectations): Check {
  const expected = "memory and swap limits as released";
  if (!host.containers.known) return unknown("limits.memory", host.containers.why, expected);
  const containers = host.containers.value;
  const faults = runningServices(expectations).flatMap((service) => {
    const limit = expectations.memoryBytes[service];
    if (limit === undefined) return [];
    return containersOf(containers, service).flatMap(({ memoryBytes, memorySwapBytes }) => [
      ...(memoryBytes === limit ? [] : [`${service}: limit ${memory(memoryBytes)}, released ${bytes(limit)}`]),
      // Equal means none: what swaps is slow in a way that no limit shows.
      ...(memorySwapBytes === limit ? [] : [`${service}: memory and swap ${memory(memorySwapBytes)}, released ${bytes(limit)}`]),
    ]);
  });
  return verdict("limits.memory", faults, expected, expected);
}

function memory(value: number | undefined): string {
  return value === undefined || value <= 0 ? "unlimited" : bytes(value);
}

/**
 * What `cpu.weight` may be for CPU shares. runc to 1.2 maps linearly (2..262144 onto 1..10000); runc 1.3.2 and crun 1.23 by a curve that puts
 * 1024 on 100 (opencontainers/cgroups, ConvertCPUSharesToCgroupV2Value). Which one a host has is not ours to say.
 */
export function cpuWeights(shares: number): readonly number[] {
  const linear = 1 + Math.floor(((shares - 2) * 9999) / 262_142);
  const log = Math.log2(shares);
  const curved = Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
  return [linear, Math.min(curved, 10_000)];
}

/** Rounding differs between versions. */
const TOLERANCE = 0.05;

function near(weight: number, wanted: number): boolean {
  return Math.abs(weight - wanted) <= Math.max(1, wanted * TOLERANCE);
}

export function limitsCpu({ host }: Facts, expectations: Expectations): Check {
  const expected = "CPU weights as released";
  if (!host.containers.known) return unknown("limits.cpu", host.containers.why, expected);
  if (!host.controlGroups.known) return unknown("limits.cpu", host.controlGroups.why, expected);
  const [containers, groups] = [host.containers.value, host.controlGroups.value];
  const faults: string[] = [];
  const unseen: string[] = [];
  for (const service of runningServices(expectations)) {
    const shares = expectations.cpuShares[service];
    if (shares === undefined) continue;
    for (const { id, status } of containersOf(containers, service)) {
      const group = groups.get(id);
      if (group?.cpuShares !== undefined) {
        if (group.cpuShares !== shares) faults.push(`${service}: cpu.shares ${group.cpuShares}, released ${shares}`);
      } else if (group?.cpuWeight !== undefined) {
        const { cpuWeight } = group;
        if (!cpuWeights(shares).some((wanted) => near(cpuWeight, wanted))) faults.push(`${service}: cpu.weight ${cpuWeight}, released ${shares} shares (${cpuWeights(shares).join(" or ")})`);
      } else if (status === "running") unseen.push(service);
    }
  }
  if (faults.length > 0) return verdict("limits.cpu", faults, "", expected);
  return unseen.length > 0 ? unknown("limits.cpu", `the facts' section "cgroup" does not have ${unseen.join(", ")}`, expected) : pass("limits.cpu", expected, expected);
}
