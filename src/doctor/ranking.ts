import { type Cause, CAUSES, type CauseId, type Finding } from "./types.ts";

/** Which findings bring others about. What follows from another of the same diagnosis is told after it, and as its consequence. */
const BROUGHT_ABOUT_BY: Readonly<Partial<Record<CauseId, readonly CauseId[]>>> = {
  "disk.full": ["disk.foreign"],
  "disk.low": ["disk.foreign"],
  "redis.down": ["host.docker", "disk.volume", "disk.full", "memory.oom"],
  "redis.silent": ["host.docker", "swap.redis", "cpu.busy"],
  "redis.aof-status": ["disk.foreign", "disk.full", "disk.inodes"],
  "redis.fsync": ["disk.foreign", "disk.full", "disk.low"],
  "memory.container": ["redis.memory"],
  "swap.host": ["swap.redis"],
  "redis.fork": ["redis.save", "kernel.hugepages", "swap.redis", "cpu.busy"],
  "worker.down": ["host.docker", "redis.down", "redis.loading", "memory.oom"],
  "worker.hung": ["redis.down", "redis.loading", "redis.silent", "redis.memory", "disk.full", "disk.foreign"],
  "queue.backlog": ["worker.down", "worker.hung", "cpu.busy", "redis.slow-command", "redis.memory", "redis.loading", "disk.full", "disk.foreign"],
  "connections.maxclients": ["connections.surplus", "connections.foreign"],
  "connections.foreign": ["cpu.busy"],
  "containers.restarts": ["memory.oom", "redis.down", "redis.loading", "disk.full", "disk.foreign", "worker.hung"],
  "containers.unhealthy": [
    "host.docker", "disk.volume", "disk.full", "disk.foreign", "redis.loading", "redis.down", "redis.silent", "memory.oom", "redis.memory", "redis.slow-command", "cpu.busy",
    "worker.hung", "worker.down", "swap.redis", "connections.maxclients",
  ],
  "redis.latency": ["redis.loading", "redis.slow-command", "cpu.busy", "cpu.steal", "swap.redis", "swap.host", "redis.fork", "redis.save", "redis.fsync", "memory.host"],
};

/** Consequences last; else by level; else the likelier to be behind others first (`CAUSES`). */
export function rank(causes: readonly Cause[]): Finding[] {
  const ids = new Set(causes.map(({ id }) => id));
  const findings = causes.map((cause): Finding => ({
    ...cause,
    changes: cause.changes ?? [],
    followsFrom: (BROUGHT_ABOUT_BY[cause.id] ?? []).filter((id) => ids.has(id)),
  }));
  return findings.toSorted((a, b) =>
    Number(a.followsFrom.length > 0) - Number(b.followsFrom.length > 0)
    || Number(a.level === "warning") - Number(b.level === "warning")
    || CAUSES.indexOf(a.id) - CAUSES.indexOf(b.id));
}
