import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { ask } from "../../rehearsal/observe.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";

/** The one server's hardware as its owner moves it: through Hetzner's API, by nobody's hand on the host. */

const answer = z.object({ server: z.object({ status: z.string() }).optional() });

/** Says it to the API, and waits until nothing is under way. @throws unless it succeeds */
export async function sendToHetzner(rehearsal: Rehearsal, method: "GET" | "POST", path: string, body?: object): Promise<z.infer<typeof answer>> {
  const response = await fetch(`${rehearsal.api.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${rehearsal.api.token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: success is required, found ${response.status}: ${text}`);
  // Actions are done when nothing is under way; what became of one shows in what follows.
  await rehearsal.api.books.actions.idle();
  return answer.parse(JSON.parse(text));
}

export type ServerAction = "poweron" | "poweroff" | "shutdown" | "reboot" | "reset";

/** @param node its name in `nodes`; the first server unless given */
export async function act(rehearsal: Rehearsal, action: ServerAction, node?: string): Promise<void> {
  await sendToHetzner(rehearsal, "POST", `/servers/${node === undefined ? rehearsal.serverId : rehearsal.serverOf(node)}/actions/${action}`, {});
  // A shutdown only presses the button.
  if (action !== "shutdown") return;
  await eventually("the server is off", 300_000, async () => (await sendToHetzner(rehearsal, "GET", `/servers/${rehearsal.serverId}`)).server?.status === "off");
}

export async function detachVolume(rehearsal: Rehearsal): Promise<void> {
  await sendToHetzner(rehearsal, "POST", `/volumes/${rehearsal.volumeId}/actions/detach`, {});
}

export async function attachVolume(rehearsal: Rehearsal): Promise<void> {
  await sendToHetzner(rehearsal, "POST", `/volumes/${rehearsal.volumeId}/actions/attach`, { server: rehearsal.serverId });
}

/** Until the application answers 200 through the proxy; gives the seconds it took. */
export async function answersAgain(rehearsal: Rehearsal, boundMs = 240_000): Promise<number> {
  const from = performance.now();
  await eventually("/readyz answers 200", boundMs, async () => (await ask(rehearsal, "/readyz")).status === 200);
  return (performance.now() - from) / 1000;
}

/** Ask until the answer is yes; a question that fails is a no. Throws after the bound, in milliseconds. */
export async function eventually(what: string, boundMs: number, holds: () => Promise<boolean>): Promise<void> {
  const bound = Date.now() + boundMs;
  let last: unknown = "no";
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > bound) throw new Error(`wait: required within ${boundMs / 1000} s: ${what}; found: ${String(last)}`);
    await sleep(300);
  }
}
