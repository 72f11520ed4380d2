import { redisPersistence, redisAnswers, redisFile, redisLatency, redisSettings } from "./causes/redis.ts";
import { connectionFaults } from "./causes/connections.ts";
import { containers, docker } from "./causes/containers.ts";
import { diskSpace, diskVolume } from "./causes/disk.ts";
import { hugePages, overcommit } from "./causes/kernel.ts";
import { cpuBusy } from "./causes/load.ts";
import { containerMemory, hostMemory, outOfMemory, redisMemory, swapping } from "./causes/memory.ts";
import { queues, workers, workersElsewhere } from "./causes/work.ts";
import { slowCommands } from "./causes/commands.ts";
import { adviser } from "./advice.ts";
import type { DoctorFacts } from "./facts.ts";
import { overview } from "./overview.ts";
import { rank } from "./ranking.ts";
import type { Cause, Diagnosis } from "./types.ts";

/** Each rule looks for causes of its kind, and finds none in facts that are missing. */
const RULES: readonly ((facts: DoctorFacts) => Cause[])[] = [
  docker, diskVolume, diskSpace, redisAnswers, redisMemory, outOfMemory, containerMemory, hostMemory, swapping, slowCommands, cpuBusy, workers, workersElsewhere, queues,
  connectionFaults, redisFile, redisSettings, hugePages, overcommit, redisPersistence, containers, redisLatency,
];

/** Judges the facts: what is amiss, the likeliest cause first, and everything that was seen. */
export function diagnose(facts: DoctorFacts): Diagnosis {
  const advise = adviser(facts);
  return {
    version: 1,
    release: facts.release,
    at: facts.at,
    findings: rank(RULES.flatMap((rule) => rule(facts)).map(advise)),
    seen: overview(facts),
    stats: facts.stats.known ? facts.stats.value.map(({ name, cpu, memory, memoryPercent, blockIo }) => ({ name, cpu, memory, memoryPercent, blockIo })) : [],
  };
}
