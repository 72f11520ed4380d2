import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import type { Change } from "./pulumi-events.ts";
import type { Counters } from "./protocol.ts";

/** Which engine carries the program out. */
export type EngineKind = "in-process" | "pulumi";
export const ENGINES = ["in-process", "pulumi", "auto"] as const;
export type EngineChoice = (typeof ENGINES)[number];

/** What one `up` gave. */
export interface Carried {
  /** The stack's outputs by name. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly counters: Counters;
  /** What happened to each resource that did not stay as it was; only the real engine says. */
  readonly changes: readonly Change[];
}

/** Carries out the program of this repository against one stand-in. */
export interface DeploymentEngine {
  readonly kind: EngineKind;
  /** For the rehearsal's summary: which engine this is, and what it does not do. */
  readonly description: string;
  /** @param config full keys (`berth:app`) to values, as text; structured values as JSON. */
  up(config: Readonly<Record<string, string>>, log: (line: string) => void): Promise<Carried>;
  /** After the rehearsal's signal has aborted: settles when nothing of the engine runs any more. */
  ended(): Promise<void>;
}

/** A program on PATH; undefined when there is none. What npm put there for this repository is not looked at. */
export function onPath(program: string, path = process.env["PATH"] ?? ""): string | undefined {
  return path.split(delimiter)
    .filter((folder) => folder !== "" && !folder.replace(/\/+$/, "").endsWith("node_modules/.bin"))
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));
}

export type Chosen =
  | { readonly kind: "in-process"; readonly reason: string }
  | { readonly kind: "pulumi"; /** Path of the CLI. */ readonly cli: string; readonly reason: string };

/**
 * `auto` is the real engine where its CLI is installed. The npm package's downloads a release at its first use, which a
 * machine without the network cannot: it is taken only when the real engine is asked for.
 */
export function chosen(choice: EngineChoice, root: string): Chosen {
  if (choice === "in-process") return { kind: "in-process", reason: "asked for" };
  const packaged = join(root, "node_modules", ".bin", "pulumi");
  const cli = onPath("pulumi") ?? (choice === "pulumi" && existsSync(packaged) ? packaged : undefined);
  if (cli !== undefined) return { kind: "pulumi", cli, reason: cli };
  if (choice === "auto") return { kind: "in-process", reason: "`pulumi` is not on PATH" };
  throw new Error("rehearse with the real engine: `pulumi` on PATH is required, found none. Install it (https://www.pulumi.com/docs/install/), or use --engine in-process");
}
