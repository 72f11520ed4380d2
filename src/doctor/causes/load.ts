import { onServer } from "../../verify/advice.ts";
import type { DoctorFacts } from "../facts.ts";
import { type Burner, burners } from "../names.ts";
import type { Cause, Change } from "../types.ts";

/** The processor: who takes it, and whether Redis gets it when it needs it. */

const BUSY_SHARE = 0.9;
/** Who asks for less than this much of a core is nobody's trouble. */
const WANTS = 0.9;
/**
 * Those who ask for more, ask for this much of all cores together. With less, the load is not to be seen from here (a hypervisor's
 * neighbours), and nobody could be named.
 */
const WANTED_SHARE = 0.5;
const STEAL_SHARE = 0.1;
/** Redis waits this long for a core at each turn, on average: then every command does. Idle hosts give 0.01 ms, full ones with weights under 1. */
const WAIT_MS = 2;

export function cpuBusy(facts: DoctorFacts): Cause[] {
  if (!facts.load.known) return [];
  const { busy, cores, redisWaitMs, steal, seconds } = facts.load.value;
  const causes: Cause[] = [];
  const others = burners(facts).filter(({ name, kind, demand }) => demand >= WANTS && !(kind === "service" && name === "redis"));
  const wanted = others.reduce((sum, { demand }) => sum + demand, 0);
  const [first] = others;
  if (busy >= BUSY_SHARE && wanted >= WANTED_SHARE * cores) {
    causes.push({
      id: "cpu.busy",
      level: (redisWaitMs ?? 0) >= WAIT_MS ? "critical" : "warning",
      what: `${first?.name ?? "something"} takes the processor`,
      evidence: [
        `${cores} cores, ${Math.round(busy * 100)} % busy over ${Math.round(seconds)} s: ${others.slice(0, 3).map(({ name, cpu, demand }) => `${name} wants ${demand.toFixed(1)} cores and has ${cpu.toFixed(1)}`).join(", ")}`,
        ...waiting(facts),
      ],
      ...advice(first),
    });
  }
  if (steal >= STEAL_SHARE) {
    causes.push({
      id: "cpu.steal", level: "warning", what: "the hypervisor gives this server's cores to others",
      evidence: [`${Math.round(steal * 100)} % of the time was stolen`, ...waiting(facts)],
      next: "A server type with cores of its own.", changes: [{ key: "server.type", to: undefined, hint: "with cores of its own, such as ccx23" }],
    });
  }
  return causes;
}

function waiting({ load, pressure, ping }: DoctorFacts): string[] {
  const wait = load.known ? load.value.redisWaitMs : undefined;
  const some = pressure.known ? pressure.value.get("cpu some") : undefined;
  return [
    ...(wait === undefined ? [] : [`Redis waited ${wait.toFixed(2)} ms for a core at each turn`]),
    ...(some === undefined ? [] : [`something waited for a core ${Math.round(some)} % of the last 10 s (PSI)`]),
    ...(ping.known ? [`PING took ${ping.value.average} ms on average, ${ping.value.max} at worst`] : []),
  ];
}

function advice(first: Burner | undefined): { next: string; changes?: Change[] } {
  if (first?.kind === "stranger") return { next: `${first.name} is none of the stack's: stop it (${onServer("docker stop", first.name)}), bound it (${onServer("docker update --cpus 0.5", first.name)}), or move it.` };
  if (first?.kind === "process") return { next: `${first.name} runs on the host itself: stop it, or move it. \`berth doctor cpu\` shows it.` };
  return {
    next: "A server type with more cores. Its weight already keeps the worker behind Redis and the API (cpuShares); where that is not enough, a node of its own for the worker.",
    changes: [{ key: "server.type", to: undefined, hint: "a larger one" }],
  };
}
