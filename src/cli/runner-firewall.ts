import { z } from "zod";
import { labelsAtHetzner, selectorOf } from "../config/at-hetzner.ts";
import { CommandError } from "./command.ts";
import type { Hetzner } from "./hetzner.ts";

/**
 * A way in to port 22 for the length of a pipeline's run, whose address nobody knows before. It is a firewall of its own:
 * a rule added to the stack's firewall would be drift, and the next update would take it away. It is applied by the labels
 * that the stack's servers bear, so that it holds for a server that the run itself creates.
 */
export interface RunnerFirewalls {
  readonly hetzner: Hetzner;
  readonly project: string;
  readonly stack: string;
  /** Which run opens it: a second `open` of the same run changes the one there is. */
  readonly run: string;
  readonly say: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A run that died leaves its firewall behind; no job of the pipeline may take longer. */
export const STALE_HOURS = 2;

const listed = z.object({
  firewalls: z.array(z.object({ id: z.number(), name: z.string(), labels: z.record(z.string(), z.string()), created: z.string() })),
  meta: z.object({ pagination: z.object({ next_page: z.number().nullable() }) }),
});
const made = z.object({ firewall: z.object({ id: z.number() }) });
type Firewall = z.infer<typeof listed>["firewalls"][number];

/** Let one address range in to port 22, and take away what dead runs left. Doing it twice is doing it once. */
export async function openRunner(firewalls: RunnerFirewalls, source: string, again = true): Promise<void> {
  const { hetzner, run, say } = firewalls;
  const all = await existing(firewalls);
  const own = all.find(({ labels }) => labels["run"] === run);
  for (const firewall of all) if (firewall !== own && isStale(firewall, firewalls.now())) await remove(firewalls, firewall, `left by run ${firewall.labels["run"] ?? "?"}`);

  const rules = [{ direction: "in", protocol: "tcp", port: "22", source_ips: [source], description: `SSH for run ${run}` }];
  const what = `opening port 22 for ${source}`;
  if (own === undefined) {
    const wanted = { name: nameOf(firewalls), labels: { ...labelsAtHetzner(firewalls.project, firewalls.stack), purpose: PURPOSE, run }, rules, apply_to: targets(firewalls) };
    const answer = await hetzner.carryOut(what, "/firewalls", wanted).catch((error: unknown) => {
      // The answer to the first try was lost on its way: the firewall is there.
      if (again && error instanceof CommandError && error.message.includes("uniqueness_error")) return undefined;
      throw error;
    });
    if (answer === undefined) return await openRunner(firewalls, source, false);
    say(`port 22 is open for ${source} (firewall ${made.parse(answer).firewall.id}, ${nameOf(firewalls)})`);
    return;
  }
  await hetzner.carryOut(what, `/firewalls/${own.id}/actions/set_rules`, { rules });
  say(`port 22 is open for ${source} (firewall ${own.id}, ${own.name}, which was there)`);
}

/** Take away what this run opened, or what every run did. Nothing there is nothing to do. */
export async function closeRunner(firewalls: RunnerFirewalls, which: "own" | "all" | "stale"): Promise<void> {
  const all = await existing(firewalls);
  const chosen = all.filter((firewall) => which === "all" || (which === "own" ? firewall.labels["run"] === firewalls.run : isStale(firewall, firewalls.now())));
  for (const firewall of chosen) await remove(firewalls, firewall, `run ${firewall.labels["run"] ?? "?"}`);
  if (chosen.length === 0) firewalls.say("nothing to close");
}

const PURPOSE = "runner";

function nameOf({ project, stack, run }: RunnerFirewalls): string {
  return `${project}-${stack}-runner-${run}`;
}

/** Every server of the stack, by what `src/resources/server.ts` labels it with. */
function targets(firewalls: RunnerFirewalls): object[] {
  return [{ type: "label_selector", label_selector: { selector: selectorOf(labelsAtHetzner(firewalls.project, firewalls.stack)) } }];
}

function isStale({ created }: Firewall, now: number): boolean {
  return now - Date.parse(created) > STALE_HOURS * 3_600_000;
}

async function existing(firewalls: RunnerFirewalls): Promise<Firewall[]> {
  const selector = encodeURIComponent(selectorOf({ ...labelsAtHetzner(firewalls.project, firewalls.stack), purpose: PURPOSE }));
  const found: Firewall[] = [];
  for (let page: number | null = 1; page !== null; ) {
    const answer = await firewalls.hetzner.ask("listing firewalls", "GET", `/firewalls?label_selector=${selector}&per_page=50&page=${page}`);
    const { firewalls: some, meta } = listed.parse(answer);
    found.push(...some);
    page = meta.pagination.next_page;
  }
  return found;
}

async function remove(firewalls: RunnerFirewalls, { id, name }: Firewall, why: string): Promise<void> {
  const { hetzner, say } = firewalls;
  const what = `closing firewall ${name}`;
  try {
    await hetzner.carryOut(what, `/firewalls/${id}/actions/remove_from_resources`, { remove_from: targets(firewalls) });
  } catch (error) {
    // A close that was cut short took it from the servers already.
    if (!(error instanceof CommandError) || !/firewall_resource_not_found|resource_not_found/.test(error.message)) throw error;
  }
  await hetzner.ask(what, "DELETE", `/firewalls/${id}`);
  say(`closed: firewall ${id}, ${name} (${why})`);
}
