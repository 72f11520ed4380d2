import { at, listAt, numberAt, textAt } from "../verify/json.ts";
import type { ContainerStats, Other } from "./facts.ts";
import { lines } from "./sections.ts";

/** Readers of what Docker says besides the verifier's `docker inspect`. */

const UNITS: Readonly<Record<string, number>> = {
  b: 1, kb: 1000, mb: 1000 ** 2, gb: 1000 ** 3, tb: 1000 ** 4, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3, tib: 1024 ** 4,
};

/** `17.25MiB`; not a number where Docker prints `--`. */
export function sizeBytes(text: string): number {
  const [, amount = "", unit = ""] = /^([\d.]+)\s*([A-Za-z]+)$/.exec(text.trim()) ?? [];
  return Number(amount === "" ? Number.NaN : amount) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
}

/** Lines of `docker stats --no-stream --format '{{json .}}'`. */
export function readStats(text: string): ContainerStats[] {
  return lines(text).filter((line) => line.startsWith("{")).map((line) => {
    const value: unknown = JSON.parse(line);
    const memory = textAt(value, "MemUsage") ?? "";
    const [used = "", limit = ""] = memory.split("/");
    return {
      id: textAt(value, "ID") ?? "",
      name: textAt(value, "Name") ?? "?",
      cpu: textAt(value, "CPUPerc") ?? "?",
      memory,
      memoryPercent: textAt(value, "MemPerc") ?? "?",
      blockIo: textAt(value, "BlockIO") ?? "?",
      usedBytes: sizeBytes(used),
      limitBytes: sizeBytes(limit),
    };
  }).toSorted((a, b) => a.name.localeCompare(b.name));
}

/** `docker inspect --size` of containers that are not the stack's. */
export function readOthers(text: string): Other[] {
  const value: unknown = JSON.parse(text);
  return listAt(value).map((container) => ({
    id: textAt(container, "Id") ?? "",
    name: (textAt(container, "Name") ?? "?").replace(/^\//, ""),
    image: textAt(container, "Config", "Image") ?? "?",
    running: at(container, "State", "Running") === true,
    writtenBytes: numberAt(container, "SizeRw"),
    writes: listAt(container, "Mounts").filter((mount) => at(mount, "RW") === true).flatMap((mount) => textAt(mount, "Source") ?? []),
  }));
}
