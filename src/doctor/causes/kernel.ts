import { RULES, TMPFILES } from "../../verify/rules.ts";
import type { DoctorFacts } from "../facts.ts";
import type { Cause } from "../types.ts";

/** Settings of the host's kernel that Redis asks for. */

export function hugePages({ host }: DoctorFacts): Cause[] {
  if (!host.hugepages.known || host.hugepages.value !== "always") return [];
  const own = host.redisStatus.known ? host.redisStatus.value.get("THP_enabled") : undefined;
  return [{
    id: "kernel.hugepages", level: "warning", what: "transparent huge pages are on",
    evidence: [
      "/sys/kernel/mm/transparent_hugepage/enabled: always",
      own === "0" ? "Redis itself opted out (THP_enabled 0): Postgres, the API and the worker have them" : `Redis has them too (THP_enabled ${own ?? "not shown"}): after a fork each write copies 2 MB`,
    ],
    next: own === "0" ? `${TMPFILES}. Redis needs no restart.` : RULES["redis.hugepages"].todo,
  }];
}

export function overcommit({ host, redis }: DoctorFacts): Cause[] {
  const value = host.sysctl.known ? host.sysctl.value.get("vm.overcommit_memory") : undefined;
  if (value === undefined || value === "" || value === "1") return [];
  const rewrite = redis.info.known ? redis.info.value.get("aof_last_bgrewrite_status") : undefined;
  return [{
    id: "kernel.overcommit", level: "warning", what: "the kernel may refuse Redis's fork (overcommit is off)",
    evidence: [`vm.overcommit_memory = ${value}, required 1`, ...(rewrite === undefined ? [] : [`last AOF rewrite: ${rewrite}`])],
    next: RULES["redis.overcommit"].todo,
  }];
}
