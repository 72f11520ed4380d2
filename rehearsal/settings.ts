import { arch } from "node:os";
import type { GeneratedSecrets } from "../src/config/generate.ts";

/** Images by digest, as the stand-in's registry has them. */
export interface RehearsalImages {
  readonly app: string;
  readonly redis: string;
  readonly postgres: string;
  readonly proxy: string;
}

export interface SettingsInput {
  readonly images: RehearsalImages;
  readonly secrets: GeneratedSecrets;
  readonly registry: { readonly server: string; readonly username: string; readonly password: string };
  /** For a private network between stand-in servers: no other run's. */
  readonly privateRange: string;
  /** CIDR ranges that this machine's connections come from, as a stand-in server sees them. */
  readonly sources: readonly string[];
}

/** What a stack's settings may hold under one key; tests change parts of it. */
export type Section = Record<string, unknown>;
export type Settings = Record<string, Section | string>;

/** Hetzner's types with 8 GB, for this machine's own architecture. */
const TYPE = arch() === "arm64" ? { type: "cax21", architecture: "arm" } : { type: "cx33", architecture: "x86" };

/** A production stack, less the domain: certificates need a name that the world can resolve. */
export function settings({ images, secrets, registry, privateRange, sources }: SettingsInput): Settings {
  return {
    server: { type: TYPE.type, ipv6: false },
    network: { range: privateRange },
    volume: { sizeGb: 10 },
    ssh: { sources },
    registry: { server: registry.server, username: registry.username },
    app: { image: images.app, architectures: [TYPE.architecture], queues: ["file", "email"], migrate: ["node", "migrate.js"] },
    redis: { image: images.redis },
    postgres: { image: images.postgres },
    proxy: { image: images.proxy },
    secrets: { ...secrets, registryPassword: registry.password },
  };
}

/** Settings with values set at dotted paths below `berth:`: `changed(s, { "api.processes": true })`. */
export function changed(base: Settings, changes: Readonly<Record<string, unknown>>): Settings {
  const copy = structuredClone(base);
  for (const [path, value] of Object.entries(changes)) {
    const parts = path.split(".");
    const last = parts.pop() ?? "";
    let holder: Record<string, unknown> = copy;
    for (const part of parts) {
      const inner = holder[part];
      const next: Record<string, unknown> = typeof inner === "object" && inner !== null ? { ...inner } : {};
      holder[part] = next;
      holder = next;
    }
    holder[last] = value;
  }
  return copy;
}

/** As `pulumi config` has it: full keys, structured values as JSON. */
export function asConfig(values: Settings): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`berth:${key}`, typeof value === "string" ? value : JSON.stringify(value)]));
}
