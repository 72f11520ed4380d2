import type { Rehearsal } from "../../rehearsal/rehearsal.ts";

export const SERVER_URN = "urn:pulumi:rehearsal::berth::berth:index:Server$hcloud:index/server:Server::server";

/** Lines that a preview's difference of a text adds or takes away, less the indentation that Pulumi gives all of them. */
export function changedLines(preview: string): string[] {
  return preview.split("\n").flatMap((line) => {
    const found = /^ *([-+]) (.*)$/.exec(line);
    return found === null ? [] : [`${found[1] ?? ""}${found[2] ?? ""}`];
  });
}

/** What was run by sudo on the server, oldest first: every word of a deployment to its host goes through it. */
export async function sudoCommands(rehearsal: Rehearsal): Promise<string[]> {
  const journal = await rehearsal.exec(["sh", "-c", "journalctl --sync; journalctl --no-pager -o cat _COMM=sudo"]);
  return journal.split("\n").flatMap((line) => /COMMAND=(.*)$/.exec(line)?.[1] ?? []);
}
