import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../../src/config/faults.ts";
import { type Layout, layoutOf } from "../../src/config/nodes.ts";
import { Leaving, leavers } from "../../src/resources/leaving.ts";
import { spoilt } from "../config/good.ts";
import { sshNodes } from "../helpers/ssh-nodes.ts";

/** Nodes that leave the stack, command by command. */

const MAIN = { roles: ["proxy", "api", "redis", "postgres"] };
const workers = (count: number): Layout => layoutOf(parseConfig(spoilt({ nodes: { main: MAIN, worker: { roles: ["worker"], count } } })));
const addressOf = (layout: Layout, name: string): string => layout.nodes.find((node) => node.name === name)?.address ?? "";
const [THREE, ONE] = [workers(3), workers(1)];
const [FIRST, SECOND, THIRD] = ["worker", "worker-2", "worker-3"].map((name) => addressOf(THREE, name)) as [string, string, string];
const NAMES = new Map<string | null, string>([[null, "first"], [FIRST, "worker"], [SECOND, "worker-2"], [THIRD, "worker-3"]]);

/** @param answers by `NODE STEP`: the exit code */
async function leaving(layout: Layout, { answers = {}, book = `workers ${FIRST} ${SECOND} ${THIRD}\n`, joined = () => true }: { answers?: Readonly<Record<string, number>>; book?: string; joined?: () => boolean } = {}) {
  const [steps, said]: [string[], string[]] = [[], []];
  const { first, close } = await sshNodes((address, command) => {
    const step = /berth; .*? data ([^']*)'/.exec(command)?.[1] ?? (command.includes("systemctl stop") ? "STOP" : command.includes("systemctl restart") ? "START" : command);
    const it = `${NAMES.get(address) ?? "?"} ${step}`.trim();
    steps.push(it);
    return Promise.resolve({ code: answers[it] ?? 0, out: step === "" ? book : "" });
  }, joined);
  onTestFinished(close);
  return { it: new Leaving({ first, scripts: "/opt/berth/scripts/abc", project: "berth", layout, say: (line) => said.push(line), renewMs: 100 }), steps, said };
}

test("who ran a process of the application and runs none any more", () => {
  const running = { workers: [FIRST, SECOND, THIRD] };
  expect(leavers(running, ONE)).toEqual([SECOND, THIRD]);
  expect(leavers(running, workers(4))).toEqual([]);
  expect(leavers({ workers: [] }, ONE)).toEqual([]);
  // Its processes go as well, although the node stays.
  const asData = layoutOf(parseConfig(spoilt({ nodes: { main: { roles: ["proxy", "api", "worker", "postgres"] }, worker: { roles: ["redis"] } } })));
  expect(leavers({ workers: [FIRST] }, asData)).toEqual([FIRST]);
});

test("each is told how it comes back before it is stopped in order, and then for as long as the update lasts; a failed release starts them again", async () => {
  const { it, steps, said } = await leaving(ONE);
  await it.halt();
  for (const node of ["worker-2", "worker-3"]) expect(steps.filter((step) => step.startsWith(node))).toEqual([`${node} stopped`, `${node} STOP`]);
  expect(steps.filter((step) => /^(?:first|worker) /.test(step))).toEqual([]);
  const stopped = steps.length;
  await expect.poll(() => steps.slice(stopped).toSorted().slice(0, 2), { timeout: 10_000 }).toEqual(["worker-2 stopped", "worker-2 stopped"]);
  await it.bringBack();
  const back = steps.length;
  expect(steps.slice(-2).toSorted()).toEqual(["worker-2 START", "worker-3 START"]);
  expect(said.at(-1)).toBe(`starting again what was to leave the stack: ${SECOND}, ${THIRD}`);
  await it.bringBack();
  await sleep(300);
  expect(steps.slice(back)).toEqual([]);
});

test("nobody leaves: the first node is asked, and that is all", async () => {
  const { it, steps, said } = await leaving(THREE);
  await it.halt();
  await it.bringBack();
  expect([steps, said]).toEqual([["first"], []]);
});

test("one that cannot be stopped is left as it is, and so is one that does not answer", async () => {
  const { it, steps, said } = await leaving(ONE, { answers: { "worker-2 STOP": 1 } });
  await it.halt();
  expect(said.at(-1)).toBe(`the node at ${SECOND} leaves the stack, and is left as it is: stop the node at ${SECOND}: exit 0 is required, found 1: nothing said`);
  await it.bringBack();
  expect(steps.filter((step) => step.endsWith("START"))).toEqual(["worker-3 START"]);
  const away = await leaving(ONE, { joined: () => false });
  await away.it.halt();
  expect(away.steps).toEqual(["first"]);
  expect(away.said).toEqual([SECOND, THIRD].map((address) => expect.stringMatching(`^the node at ${address} leaves the stack, and is left as it is: reach ${address} over the private network`) as string));
});
