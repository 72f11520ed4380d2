import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { execute } from "../docker/exec.ts";

/** The Debian archive that this machine's own apt uses; undefined where it uses none, and mmdebstrap knows Debian's own. */
export async function debianMirror(directory = "/etc/apt"): Promise<string | undefined> {
  const texts = [await readFile(join(directory, "sources.list"), "utf8").catch(() => "")];
  const parts = join(directory, "sources.list.d");
  for (const name of (await readdir(parts).catch((): string[] => [])).toSorted((a, b) => a.localeCompare(b))) {
    if (/\.(list|sources)$/.test(name)) texts.push(await readFile(join(parts, name), "utf8"));
  }
  return texts.flatMap(debianUris)[0];
}

/** Archives in one file of apt's sources, in either format, that offer Debian itself: not its security updates, not third parties. */
export function debianUris(text: string): readonly string[] {
  const found: string[] = [];
  for (const line of text.split("\n")) {
    const uri = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+\S+\s+main\b/.exec(line)?.[1];
    if (uri !== undefined) found.push(uri);
  }
  for (const stanza of text.split(/\n\s*\n/)) {
    if (!/^Types:.*\bdeb\b/m.test(stanza) || !/^Components:.*\bmain\b/m.test(stanza)) continue;
    const uri = /^URIs:\s*(\S+)/m.exec(stanza)?.[1];
    if (uri !== undefined) found.push(uri);
  }
  return found.map((uri) => uri.replace(/\/$/, "")).filter((uri) => /^https?:\/\/.*\/debian$/.test(uri));
}

/** This machine's settings of how apt fetches (proxy, clock checks), for a new root's apt to fetch the same way. */
export async function aptFetchOptions(): Promise<readonly string[]> {
  const dump = await execute(["apt-config", "dump"]).catch(() => null);
  if (dump?.code !== 0) return [];
  return dump.stdout.split("\n").filter((line) => /^Acquire::(http|https)::(Proxy|Verify|CAInfo)|^Acquire::Check-/.test(line) && !line.includes('""'));
}
