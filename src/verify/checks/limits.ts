import { onServer } from "../advice.ts";
import type { ControlGroup } from "../host-facts.ts";
import { BOOT, RULES } from "../rules.ts";
import type { Facts } from "../seen.ts";
import { containersOf, runningServices } from "../services.ts";
import type { Check, Expectations } from "../types.ts";
import { fail, pass, unknown } from "../verdict.ts";
import { bytes } from "../words.ts";

/** Limits as the kernel has them, not as a file promises them. Compose does not see what `docker update` changed, and leaves such a container as it is. */

export function limitsMemory({ host }: Facts, expectations: Expectations): Check {
  const expected = "memory and swap limits as released";
  if (!host.containers.known) return unknown("limits.memory", host.containers.why, expected);
  const containers = host.containers.value;
  const faults: string[] = [];
  const back: string[] = [];
  for (const service of runningServices(expectations)) {
    const limit = expectations.memoryBytes[service];
    if (limit === undefined) continue;
    for (const { name, memoryBytes, memorySwapBytes } of containersOf(containers, service)) {
      if (memoryBytes !== limit) faults.push(`${service}: limit ${memory(memoryBytes)}, released ${bytes(limit)}`);
      // Equal means none: what swaps is slow in a way that no limit shows.
      if (memorySwapBytes !== limit) faults.push(`${service}: memory and swap ${memory(memorySwapBytes)}, released ${bytes(limit)}`);
      if (memoryBytes !== limit || memorySwapBytes !== limit) back.push(onServer("docker update", "--memory", `${limit / MIB}m`, "--memory-swap", `${limit / MIB}m`, name));
    }
  }
  return faults.length === 0 ? pass("limits.memory", expected, expected) : fail("limits.memory", faults.join("; "), expected, `${RULES["limits.memory"].todo} Back, without a restart: ${back.join(", ")}.`);
}

/** Limits are configured in MiB. */
const MIB = 1024 ** 2;

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

/** What is wrong with a container's weight; undefined when it is right, or not known. */
function weightFault(group: ControlGroup | undefined, shares: number): string | undefined {
  if (group?.cpuShares !== undefined) return group.cpuShares === shares ? undefined : `cpu.shares ${group.cpuShares}, released ${shares}`;
  const weight = group?.cpuWeight;
  if (weight === undefined || cpuWeights(shares).some((wanted) => near(weight, wanted))) return undefined;
  return `cpu.weight ${weight}, released ${shares} shares (${cpuWeights(shares).join(" or ")})`;
}

export function limitsCpu({ host }: Facts, expectations: Expectations): Check {
  const expected = "CPU weights as released";
  if (!host.containers.known) return unknown("limits.cpu", host.containers.why, expected);
  if (!host.controlGroups.known) return unknown("limits.cpu", host.controlGroups.why, expected);
  const [containers, groups] = [host.containers.value, host.controlGroups.value];
  const faults: string[] = [];
  const back: string[] = [];
  const unseen: string[] = [];
  for (const service of runningServices(expectations)) {
    const shares = expectations.cpuShares[service];
    if (shares === undefined) continue;
    for (const { id, name, status, cpuQuota } of containersOf(containers, service)) {
      const group = groups.get(id);
      const fault = weightFault(group, shares);
      if (fault !== undefined) {
        faults.push(`${service}: ${fault}`);
        back.push(onServer("docker update", "--cpu-shares", String(shares), name));
      } else if (group?.cpuShares === undefined && group?.cpuWeight === undefined && status === "running") unseen.push(service);
      if (cpuQuota) {
        faults.push(`${service}: a quota of CPU time, released without one`);
        // `docker update` cannot take a number of CPUs back.
        back.push(onServer("docker stop", name), onServer("docker rm", name), BOOT);
      }
    }
  }
  if (faults.length > 0) return fail("limits.cpu", faults.join("; "), expected, `${RULES["limits.cpu"].todo} Back: ${back.join(", ")}.`);
  return unseen.length > 0 ? unknown("limits.cpu", `the facts' section "cgroup" does not have ${unseen.join(", ")}`, expected) : pass("limits.cpu", expected, expected);
}
