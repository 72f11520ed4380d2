import { containersOf } from "../verify/services.ts";
import type { Container } from "../verify/host-facts.ts";
import type { DoctorFacts, Process } from "./facts.ts";

/** Whose is it: containers by id, in words. */

/** Service of the stack, or the name of a container that is none of it. */
export function holderOf({ host, others }: DoctorFacts, id: string): { readonly name: string; readonly own: boolean } {
  const own = host.containers.known ? host.containers.value.find((container) => container.id === id) : undefined;
  if (own !== undefined) return { name: own.service === "" ? own.name : own.service, own: true };
  const other = others.known ? others.value.find((container) => container.id === id) : undefined;
  return { name: other?.name ?? id.slice(0, 12), own: false };
}

export function serviceContainer({ host }: DoctorFacts, service: string): Container | undefined {
  return host.containers.known ? containersOf(host.containers.value, service)[0] : undefined;
}

/** Somebody who uses the processor: a container with all its processes, or one process of the host. */
export interface Burner {
  readonly name: string;
  readonly kind: "service" | "stranger" | "process";
  /** Of one core. */
  readonly cpu: number;
  /** What it would have taken of one core, or of several. */
  readonly demand: number;
}

/** Who wants the most first: on a full host, what somebody gets says little of what they ask. */
export function burners(facts: DoctorFacts): Burner[] {
  if (!facts.load.known) return [];
  const containers = new Map<string, { cpu: number; demand: number }>();
  const alone: Process[] = [];
  for (const process of facts.load.value.processes) {
    if (process.container === undefined) alone.push(process);
    else {
      const sum = containers.get(process.container) ?? { cpu: 0, demand: 0 };
      containers.set(process.container, { cpu: sum.cpu + process.cpu, demand: sum.demand + process.demand });
    }
  }
  return [
    ...[...containers].map(([id, sums]): Burner => {
      const { name, own } = holderOf(facts, id);
      return { name, kind: own ? "service" : "stranger", ...sums };
    }),
    ...alone.map(({ name, pid, cpu, demand }): Burner => ({ name: `${name} (process ${pid})`, kind: "process", cpu, demand })),
  ].toSorted((a, b) => b.demand - a.demand);
}

/** `190 % of a core`, of the whole when there are several. */
export function coreShare(cpu: number): string {
  return `${Math.round(cpu * 100)} % of a core`;
}
