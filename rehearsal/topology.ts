import type { Rehearsal } from "./rehearsal.ts";

/** Where the roles of a rehearsed deployment stand: the names that `--topology` takes. */
export const TOPOLOGIES = ["single"] as const;
export type TopologyName = (typeof TOPOLOGIES)[number];

/** What a topology brings beside the servers, before the first release. */
export interface Scene {
  /** Settings of the stack that go with it, by dotted path below `berth:`; they stay for the whole rehearsal. */
  readonly changes: Readonly<Record<string, unknown>>;
  /** What it stood in for, for the summary; empty when nothing beyond the usual. */
  readonly stoodIn: readonly string[];
}

type Log = (line: string) => void;

interface Topology {
  /** Completes "--topology NAME: …" in the help. */
  readonly about: string;
  /** Everything it starts is in the rehearsal's ledger, and goes with it. */
  readonly set: (rehearsal: Rehearsal, log: Log) => Promise<Scene>;
}

const TABLE: Readonly<Record<TopologyName, Topology>> = {
  single: { about: "all on one server (default)", set: () => Promise.resolve({ changes: {}, stoodIn: [] }) },
};

/** @throws naming what `--topology` takes */
export function topologyNamed(text: string): TopologyName {
  const name = TOPOLOGIES.find((it) => it === text);
  if (name !== undefined) return name;
  throw new Error(`rehearse: --topology takes one of ${TOPOLOGIES.join(", ")}, found ${text}`);
}

/** Set the scene: bring up what stands beside the servers, and give the settings that go with it. */
export function setScene(name: TopologyName, rehearsal: Rehearsal, log: Log): Promise<Scene> {
  return TABLE[name].set(rehearsal, log);
}

/** Lines for the help: a name and what it is. */
export function topologyHelp(): string {
  return TOPOLOGIES.map((name) => `             ${name.padEnd(13)} ${TABLE[name].about}`).join("\n");
}
