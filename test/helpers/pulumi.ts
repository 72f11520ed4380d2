import { expect } from "vitest";
import { ask } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { firewall } from "../../src/cli/firewall.ts";

export const SERVER_URN = "urn:pulumi:rehearsal::berth::berth:index:Server$hcloud:index/server:Server::server";

/** Lines that a preview's difference of a text adds or takes away. Pulumi indents the whole text by ten, where a list in YAML cannot be taken for a mark. */
export function changedLines(preview: string): string[] {
  return preview.split("\n").flatMap((line) => {
    const found = /^ {10}([-+]) (.*)$/.exec(line);
    return found === null ? [] : [`${found[1] ?? ""}${found[2] ?? ""}`];
  });
}

/** A preview without what differs from stack to stack: ids, digests, times, and the type that a machine's architecture asks for. */
export function anonymous(preview: string): string {
  return preview
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z c[a-z]+\d+/g, "TIME TYPE")
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "UUID")
    .replaceAll(/(?<=\[id=[a-z-]+)[0-9a-f]{8}(?=\])/g, "ID")
    .replaceAll(/\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b/g, "DIGEST")
    .trim();
}

/** What was run by sudo on the server, oldest first: every word of a deployment to its host goes through it. */
export async function sudoCommands(rehearsal: Rehearsal): Promise<string[]> {
  const journal = await rehearsal.exec(["sh", "-c", "journalctl --sync; journalctl --no-pager -o cat _COMM=sudo"]);
  return journal.split("\n").flatMap((line) => /COMMAND=(.*)$/.exec(line)?.[1] ?? []);
}

/** Hand the application a job; gives its id, by which the row and the job can be asked for later. */
export async function postJob(rehearsal: Rehearsal): Promise<string> {
  const { status, body } = await ask(rehearsal, "/jobs", { queue: "email", data: { to: "someone@example.com", subject: "Berth", text: "kept" } });
  expect(status).toBe(202);
  return (body as { id: string }).id;
}

/** `berth firewall open|close`, as a pipeline's run says it, on a rehearsed stack whose settings are written. */
export async function runnerFirewall(rehearsal: Rehearsal, verb: "open" | "close"): Promise<void> {
  const pulumi = async (args: readonly string[]) => ({ code: 0, stdout: await rehearsal.pulumi.run(args), stderr: "" });
  expect(await firewall([verb, "--source=198.51.100.7/32"], { pulumi, env: {}, say: () => undefined, now: Date.now, address: () => Promise.reject(new Error("not asked for")) })).toBe(0);
}
