import { afterEach, beforeEach, expect, test } from "vitest";
import { CommandError, UsageError } from "../../src/cli/command.ts";
import { firewall, type FirewallEffects } from "../../src/cli/firewall.ts";
import { publicAddress } from "../../src/cli/public-address.ts";
import { Bench, SMALL } from "../rehearsal/cloud/client.ts";

/** The pipeline's way in to port 22, on the stand-in for Hetzner's API. */
let bench: Bench;
let said: string[];
let effects: FirewallEffects;
const LABELS = { "managed-by": "berth", project: "berth", stack: "prod" };

beforeEach(async () => {
  bench = await Bench.start({ ipv4Addresses: [10, 11, 12, 13, 14, 15].map((last) => `192.0.2.${last}`) });
  said = [];
  const config = { "berth:server": { value: "{}" }, "hcloud:token": { value: bench.api.token, secret: true }, "hcloud:endpoint": { value: bench.api.url } };
  effects = {
    pulumi: (args) => Promise.resolve({ code: 0, stdout: args[0] === "config" ? JSON.stringify(config) : "prod\n", stderr: "" }),
    env: { GITHUB_RUN_ID: "4711" },
    say: (line) => said.push(line),
    now: Date.now,
    address: () => Promise.resolve("203.0.113.9/32"),
  };
});
afterEach(() => bench.close());

const at = (line: string, over: Partial<FirewallEffects> = {}): Promise<number> => firewall(line.split(" "), { ...effects, ...over });
const firewalls = () => [...bench.api.books.firewalls.values()];
/** The rules in force on a server's machine, as `protocol/port source`. */
const inForce = (id: number): string[] => (bench.machines.firewalls.get(id) ?? []).map((rule) => `${rule.protocol}/${rule.port} ${rule.sourceIps.join(" ")}`);

async function server(name: string, labels: Record<string, string>): Promise<number> {
  const { body } = await bench.done("/servers", { ...SMALL, name, labels });
  return body.id("server");
}

test("opens for the servers there are, for one made later, and for no other stack's; and closes", async () => {
  const before = await server("before", LABELS);
  const other = await server("other", { ...LABELS, stack: "staging" });
  expect(await at("open --stack=prod")).toBe(0);
  const later = await server("later", LABELS);
  await bench.api.books.actions.idle();
  for (const id of [before, later]) expect(inForce(id)).toEqual(["tcp/22 203.0.113.9/32"]);
  expect(inForce(other)).toEqual([]);

  expect(await at("close --stack=acme/berth/prod")).toBe(0);
  await bench.api.books.actions.idle();
  expect(firewalls()).toEqual([]);
  for (const id of [before, later]) expect(inForce(id)).toEqual([]);
  expect(said).toEqual([
    expect.stringMatching(/^port 22 is open for 203\.0\.113\.9\/32 \(firewall \d+, berth-prod-runner-4711\)$/),
    expect.stringMatching(/^closed: firewall \d+, berth-prod-runner-4711 \(run 4711\)$/),
  ]);
});

test("twice is once: a second open changes the source, a second close finds nothing", async () => {
  const id = await server("small", LABELS);
  await at("open");
  await at("open --source=198.51.100.0/24");
  await bench.api.books.actions.idle();
  expect(firewalls()).toHaveLength(1);
  expect(inForce(id)).toEqual(["tcp/22 198.51.100.0/24"]);
  await at("close");
  await at("close");
  expect(said.at(-1)).toBe("nothing to close");
});

test("the stack's own firewall is not touched", async () => {
  const own = (await bench.done("/firewalls", { name: "berth-prod", labels: LABELS, rules: [{ direction: "in", protocol: "tcp", port: "80", source_ips: ["0.0.0.0/0"] }] })).body.id("firewall");
  await at("open");
  await at("close --all");
  expect(firewalls().map((it) => [it.id, it.rules.length])).toEqual([[own, 1]]);
});

test("a run that died is cleaned up after by a later one, and one that lives is left alone", async () => {
  await at("open --run=dead");
  await at("open --run=alive");
  const dead = firewalls().find((it) => it.labels["run"] === "dead");
  Object.assign(dead ?? {}, { created: new Date(Date.now() - 3 * 3_600_000).toISOString() });
  await at("open");
  expect(firewalls().map((it) => String(it.labels["run"])).toSorted()).toEqual(["4711", "alive"]);
  expect(said.some((line) => /^closed: firewall \d+, berth-prod-runner-dead \(left by run dead\)$/.test(line))).toBe(true);
  await at("close --stale", { now: () => Date.now() + 3 * 3_600_000 });
  expect(firewalls()).toEqual([]);
});

test("a close that was cut short is finished by the next", async () => {
  await at("open");
  const id = firewalls()[0]?.id;
  await bench.done(`/firewalls/${id}/actions/remove_from_resources`, { remove_from: [{ type: "label_selector", label_selector: { selector: "managed-by=berth,project=berth,stack=prod" } }] });
  expect(await at("close")).toBe(0);
  expect(firewalls()).toEqual([]);
});

test("an answer that says later is asked again", async () => {
  bench.api.faults.next("POST /firewalls", { code: "rate_limit_exceeded" });
  expect(await at("open")).toBe(0);
  expect(firewalls()).toHaveLength(1);
});

test("an answer that was lost: what was made is found, and not made twice", async () => {
  bench.api.faults.next("POST /firewalls", { cut: "after" });
  expect(await at("open")).toBe(0);
  expect(firewalls()).toHaveLength(1);
  expect(firewalls()[0]?.targets).toHaveLength(1);
});

test("what is wrong is said, with what to do", async () => {
  await expect(at("open", { env: { HCLOUD_TOKEN: "wrong" } })).rejects.toThrow(
    new CommandError("listing firewalls: required Hetzner's API to do it; found 401 unauthorized (unable to authenticate); give HCLOUD_TOKEN a token that may read and write"));
  await expect(at("open --source=203.0.113.9")).rejects.toThrow(new UsageError('--source: required an address range such as 203.0.113.7/32; found "203.0.113.9"'));
  await expect(at("open --run=a/b")).rejects.toThrow(new UsageError('--run: required up to 40 letters, digits and _ . -; found "a/b"'));
  await expect(at("shut")).rejects.toThrow(new UsageError("required open or close; found shut"));
  await expect(publicAddress([`${bench.api.url}/firewalls`, "http://127.0.0.1:1"])).rejects.toThrow(/required an IPv4 address from one of 2 services; found .*401.*give it as --source=ADDRESS\/32$/);
});
