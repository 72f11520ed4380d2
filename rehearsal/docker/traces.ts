import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { execute } from "./exec.ts";

/**
 * What a Docker daemon changes in the machine's network and never takes back: chains and rules of iptables, the policy of FORWARD,
 * forwarding itself, its bridges. Taken before the daemon starts, put back after it ended. Mounts need no
 * such care: the daemon has a mount namespace of its own.
 */
export interface Traces {
  /** Table -> what `iptables-save -t` showed, per address family. */
  readonly rules: Readonly<Record<Family, Readonly<Record<Table, string>>>>;
  /** Path below /proc/sys -> value. */
  readonly sysctl: Readonly<Record<string, string>>;
}

export type Family = "iptables" | "ip6tables";
export type Table = "filter" | "nat" | "raw";
const FAMILIES = ["iptables", "ip6tables"] as const;
/** Docker 28 and later also write to `raw`. */
const TABLES = ["filter", "nat", "raw"] as const;
const SYSCTL = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv6/conf/default/forwarding", "net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"];

export async function takeTraces(): Promise<Traces> {
  return { rules: { iptables: await saveAll("iptables"), ip6tables: await saveAll("ip6tables") }, sysctl: readSysctl(SYSCTL) };
}

/** Settings as they are now; those that this kernel lacks are left out. */
export function readSysctl(paths: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const path of paths) {
    try {
      values[path] = readFileSync(`/proc/sys/${path}`, "utf8").trim();
    } catch {
      // Not in this kernel (a module not loaded): nothing to put back.
    }
  }
  return values;
}

/** Write back what differs. Gives back the names that could not be written. */
export async function writeSysctl(values: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const now = readSysctl(Object.keys(values));
  const failed: string[] = [];
  for (const [path, value] of Object.entries(values)) {
    if (now[path] === undefined || now[path] === value) continue;
    await writeFile(`/proc/sys/${path}`, value).catch(() => failed.push(path));
  }
  return failed;
}

/**
 * Undo what came since `before`: `made` are the bridges of the ended daemon. Where Docker's chains were there before, another
 * daemon owns them, and only the rules that name our bridges go.
 */
export async function removeTraces(before: Traces, made: readonly string[]): Promise<void> {
  for (const family of FAMILIES) {
    for (const table of TABLES) {
      for (const args of undoing(before.rules[family][table], await save(family, table), made)) {
        await execute([family, "-w", "10", "-t", table, ...args], { timeoutMs: 20_000 });
      }
    }
  }
  for (const bridge of made) await execute(["ip", "link", "delete", bridge]);
  await writeSysctl(before.sysctl);
}

/** A daemon that starts empties Docker's chains, whosever they are: give another daemon back the rules it had a moment ago. */
export async function putBackRules(before: Traces): Promise<void> {
  for (const family of FAMILIES) {
    for (const table of TABLES) {
      for (const args of emptied(before.rules[family][table], await save(family, table))) {
        await execute([family, "-w", "10", "-t", table, ...args], { timeoutMs: 20_000 });
      }
    }
  }
}

/** The commands that put lost rules of Docker's chains back at the head of their chain, in their order. */
export function emptied(before: string, now: string): readonly (readonly string[])[] {
  const still = new Set(now.split("\n"));
  const lost = before.split("\n").filter((line) => line.startsWith("-A DOCKER") && !still.has(line));
  return lost.toReversed().map((line) => {
    const [, chain = "", ...rest] = words(line);
    return ["-I", chain, ...rest];
  });
}

/** The `iptables` commands, without the table, that lead from the rules `now` back to the rules `before`. */
export function undoing(before: string, now: string, made: readonly string[]): readonly (readonly string[])[] {
  const was = new Set(before.split("\n"));
  const wasChain = new Set(before.split("\n").filter((line) => line.startsWith(":")).map(chainName));
  const lines = now.split("\n");
  const newChains = lines.filter((line) => line.startsWith(":DOCKER")).map(chainName).filter((it) => !wasChain.has(it));
  const ours = (line: string): boolean =>
    words(line).some((word) => made.includes(word) || newChains.includes(word)) || (newChains.length > 0 && /DOCKER|docker/.test(line));
  const commands: string[][] = [];
  for (const line of lines) {
    if (!line.startsWith("-A ") || was.has(line)) continue;
    const [, name = "", ...rest] = words(line);
    if (newChains.includes(name) || !ours(line)) continue;
    commands.push(["-D", name, ...rest]);
  }
  for (const name of newChains) commands.push(["-F", name]);
  for (const name of newChains) commands.push(["-X", name]);
  for (const line of lines) {
    const policy = /^:(INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) (\w+)/.exec(line);
    const [, name, value] = policy ?? [];
    if (name === undefined || value === undefined) continue;
    // A table that nobody had read yet shows no chains: every policy is ACCEPT in a fresh kernel.
    const old = new RegExp(`^:${name} (\\w+)`, "m").exec(before)?.[1] ?? "ACCEPT";
    if (old !== value) commands.push(["-P", name, old]);
  }
  return commands;
}

/** `:DOCKER-USER - [0:0]` -> `DOCKER-USER` */
function chainName(line: string): string {
  return line.slice(1).split(" ")[0] ?? "";
}

/** Words of a rule as `iptables-save` prints it; comments are quoted there. */
function words(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
}

/** Names of the machine's bridges. */
export async function bridges(): Promise<readonly string[]> {
  const result = await execute(["ip", "-o", "link", "show", "type", "bridge"]);
  return [...result.stdout.matchAll(/^\d+: ([^:@]+)/gm)].map((match) => match[1] ?? "");
}

async function saveAll(family: Family): Promise<Record<Table, string>> {
  return { filter: await save(family, "filter"), nat: await save(family, "nat"), raw: await save(family, "raw") };
}

async function save(family: Family, table: Table): Promise<string> {
  const result = await execute([`${family}-save`, "-t", table], { timeoutMs: 20_000 }).catch(() => null);
  return result?.code === 0 ? result.stdout.replace(/ \[\d+:\d+\]$/gm, "") : "";
}
