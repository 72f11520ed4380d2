import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type CloudApi, startCloud } from "../../rehearsal/cloud/api.ts";
import { noPulumi } from "../helpers/deployment.ts";
import { type LightStack, lightStack } from "../helpers/light-stack.ts";
import { FakeMachines } from "../rehearsal/cloud/fake-machines.ts";

/**
 * What Hetzner's API may do wrong, under Pulumi's engine and Hetzner's provider: an update converges, or stops and says what to do. There
 * is never a second server. The tests are in the order of one stack's life.
 */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

describe.skipIf(noPulumi !== undefined)(`faults of the API under Pulumi's engine${noPulumi === undefined ? "" : `, ${noPulumi}`}`, () => {
  let api: CloudApi;
  let prod: LightStack;

  beforeAll(async () => {
    api = await startCloud({ machines: new FakeMachines(), ipv4Addresses: Array.from({ length: 40 }, (_, index) => `192.0.2.${index + 1}`) });
    prod = await lightStack(api, "prod");
  });
  afterAll(async () => {
    await prod.close();
    await api.close();
  });
  // After every case, whatever it was about.
  afterEach(() => {
    api.faults.clear();
    const names = [...api.books.servers.values()].map((it) => it.name);
    if (names.length > new Set(names).size || names.length > 2) throw new Error(`required: one server a stack; found ${names.join(", ")}`);
  });

  const server = () => {
    const [found] = [...api.books.servers.values()].filter((it) => it.name === "berth-prod");
    if (found === undefined) throw new Error("required: the stack's server; found none");
    return found;
  };
  /** By hand, as in the web interface. */
  async function byHand(method: string, path: string, body?: object): Promise<void> {
    const answer = await fetch(`${api.url}${path}`, { method, headers: { authorization: `Bearer ${api.token}`, "content-type": "application/json" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    expect(answer.status).toBeLessThan(300);
    await api.books.actions.idle();
  }

  test("no room, after a lost race, a spent budget and a bad gateway: the provider tries those again, and Berth says what helps for the one left", async () => {
    api.faults.next("POST /ssh_keys", { code: "conflict" });
    api.faults.next("POST /firewalls", { code: "rate_limit_exceeded" });
    api.faults.next("POST /volumes", { code: "bad_gateway" });
    api.faults.next("POST /servers", { code: "resource_unavailable" });
    const said = await prod.up();
    expect(said).toContain("create Server berth-prod: what to do: Hetzner has no room for a cx33 in nbg1 now");
    expect(said?.match(/what to do/g)).toHaveLength(1);
    const { servers, sshKeys, firewalls, volumes } = api.books;
    expect([servers, sshKeys, firewalls, volumes].map((kind) => kind.size)).toEqual([0, 1, 1, 1]);
  });

  test("Hetzner began to make the server and could not: the next update makes one", async () => {
    api.faults.nextAction("create_server", { code: "action_failed", message: "Action failed" });
    expect(await prod.up()).toMatch(/create Server berth-prod: what to do: Hetzner began it .*Run the same command with --refresh/);
    expect(await prod.up({}, ["--refresh"])).toBeUndefined();
    expect(api.books.servers.size).toBe(1);
    expect(api.books.volumesOf(server().id)).toHaveLength(1);
  });

  test("protected by hand: a replacement stops and says so; unprotected, it goes on, with the same volume and address", async () => {
    const { id } = server();
    const [volume] = api.books.volumesOf(id).map((it) => it.id);
    const address = api.books.primaryIpOf(id, "ipv4")?.ip;
    await byHand("POST", `/servers/${id}/actions/change_protection`, { delete: true, rebuild: true });
    await prod.engine.run(["state", "taint", "urn:pulumi:prod::berth::berth:index:Server$hcloud:index/server:Server::server", "--yes"]);
    expect(await prod.up()).toMatch(/delete Server berth-prod: what to do: .*take the protection off/);
    expect(server().id).toBe(id);
    await byHand("POST", `/servers/${id}/actions/change_protection`, { delete: false, rebuild: false });
    // The volume's detaching was done, and is not done twice; attaching it meets a lock.
    api.faults.next("POST /volumes/{id}/actions/attach", { code: "locked" });
    await converges((args) => prod.up({}, args));
    expect(server().id).not.toBe(id);
    expect(api.books.volumesOf(server().id).map((it) => it.id)).toEqual([volume]);
    expect(api.books.primaryIpOf(server().id, "ipv4")?.ip).toBe(address);
  });

  test("an answer that got lost: the server was made, the name is taken, and no second one is", async () => {
    await prod.engine.run(["state", "taint", "urn:pulumi:prod::berth::berth:index:Server$hcloud:index/server:Server::server", "--yes"]);
    api.faults.next("POST /servers", { cut: "after" });
    expect(await prod.up()).toContain("No answer of Hetzner's API: nobody knows whether it was done");
    expect(api.books.servers.size).toBe(1);
    expect(await prod.up()).toContain("A server berth-prod is there that this stack's state does not know. Made by an update that was cut off, it holds nothing: delete it at Hetzner");
    expect(api.books.servers.size).toBe(1);
    // As it says.
    await byHand("DELETE", `/servers/${server().id}`);
    expect(await prod.up()).toBeUndefined();
    expect(api.books.servers.size).toBe(1);
  });

  test("a server that is powered off to be changed: not while the application on it cannot be stopped; refused, it is off, and the same command goes on", async () => {
    const { id } = server();
    const posts = (from: number): string[] => api.requests.slice(from).flatMap(({ route }) => (route.startsWith("POST ") ? [route] : []));
    let from = api.requests.length;
    // Nobody answers by SSH here, and Hetzner says that it runs.
    expect(await prod.up({ "server.ipv6": false })).toMatch(/connect to deploy@192\.0\.2\.\d+/);
    expect(posts(from)).toEqual([]);

    await byHand("POST", `/servers/${id}/actions/poweroff`);
    api.faults.next("POST /servers/{id}/actions/change_type", { code: "resource_unavailable" });
    expect(await prod.up({ "server.type": "cx43" })).toContain("update Server berth-prod: what to do: Hetzner has left server berth-prod powered off, and the application is down. Now: power it on in Hetzner's web interface, or by `hcloud server poweron berth-prod`");
    from = api.requests.length;
    expect(await prod.up({ "server.type": "cx43" })).toBeUndefined();
    expect(posts(from)).toEqual(["POST /servers/{id}/actions/change_type"]);
    expect(server()).toMatchObject({ id, type: "cx43", status: "running" });

    await byHand("POST", `/servers/${id}/actions/poweroff`);
    expect(await prod.up()).toBeUndefined();
    expect(server()).toMatchObject({ id, type: "cx33", status: "running" });
  });

  test("a rotation of the deploy key adds one at Hetzner and takes one away, and touches no server", async () => {
    const { deployKey, nextDeployKey } = { deployKey: await keyOf(prod), nextDeployKey: (await import("../../src/config/generate.ts")).generateSecrets().deployKey };
    const { id } = server();
    const keys = (): number => api.books.sshKeys.size;
    expect(await prod.up({ "secrets.nextDeployKey": nextDeployKey })).toBeUndefined();
    expect(keys()).toBe(2);
    const asked = api.requests.length;
    expect(await prod.up({ "secrets.deployKey": nextDeployKey, "secrets.previousDeployKey": deployKey })).toBeUndefined();
    expect(api.requests.slice(asked).filter(({ route }) => !route.startsWith("GET "))).toEqual([]);
    expect(await prod.up({ "secrets.deployKey": nextDeployKey })).toBeUndefined();
    expect(keys()).toBe(1);
    expect(server().id).toBe(id);
  });

  test("a second stack beside it has names of its own, and goes without it", async () => {
    const staging = await lightStack(api, "staging");
    try {
      expect(await staging.up({ "volume.deleteOnDestroy": true })).toBeUndefined();
      expect([...api.books.servers.values()].map((it) => it.name).toSorted()).toEqual(["berth-prod", "berth-staging"]);
      expect([...api.books.volumes.values()].map((it) => it.name).toSorted()).toEqual(["berth-prod", "berth-staging"]);
      expect(api.books.sshKeys.size).toBe(2);
      // This one was told to delete its data.
      expect(await staging.destroy()).toBeUndefined();
      expect([...api.books.volumes.values()].map((it) => it.name)).toEqual(["berth-prod"]);
      expect([...api.books.servers.values()].map((it) => it.name)).toEqual(["berth-prod"]);
    } finally {
      await staging.close();
    }
  });

  test("a server that is gone is made anew with --refresh, and destroy with --refresh needs none", async () => {
    const { id } = server();
    await byHand("DELETE", `/servers/${id}`);
    expect(await prod.up({}, ["--refresh"])).toBeUndefined();
    expect(server().id).not.toBe(id);
    await byHand("DELETE", `/servers/${server().id}`);
    // Of the provider's own; when it no longer says so, docs/engine.md need not either.
    expect(await prod.destroy()).toMatch(/server with ID '\d+' not found \(not_found, /);
    expect(await prod.destroy(["--refresh"])).toBeUndefined();
    const { servers, sshKeys, firewalls, primaryIps, volumes } = api.books;
    expect([servers, sshKeys, firewalls, primaryIps].map((kind) => kind.size)).toEqual([0, 0, 0, 0]);
    expect(volumes.size).toBe(1);
  });

  test("the volume that destroy left: its name is taken, and the id with which to adopt it is said", async () => {
    const [volume] = api.books.volumes.keys();
    expect(await prod.up()).toContain(`npx pulumi config set --path berth:volume.id ${volume ?? 0}\``);
    expect(await prod.up({ "volume.id": volume })).toBeUndefined();
    expect([...api.books.volumes.keys()]).toEqual([volume]);
    expect(api.books.volumesOf(server().id)).toHaveLength(1);
    expect(await prod.destroy()).toBeUndefined();
    expect([...api.books.volumes.keys()]).toEqual([volume]);
  });

  test("one request of twenty fails, through a whole life: every update converges by being run again", async () => {
    const [volume] = api.books.volumes.keys();
    api.faults.rate(0.05, { code: "server_error" }, 7);
    for (const change of [{}, { domain: "app.example.com" }]) await converges((args) => prod.up({ "volume.id": volume, ...change }, args));
    expect(api.books.servers.size).toBe(1);
    await converges((args) => prod.destroy(args));
    expect(api.books.servers.size).toBe(0);
    expect(api.requests.filter(({ status }) => status === 500).length).toBeGreaterThan(0);
  });

  /** Runs a command until it succeeds, as its last words say. */
  async function converges(run: (args: readonly string[]) => Promise<string | undefined>): Promise<void> {
    let said: string | undefined;
    for (let tries = 0; tries < 8; tries++) {
      said = await run(said?.includes("not_found") === true || said?.includes("--refresh") === true ? ["--refresh"] : []);
      expect(api.books.servers.size).toBeLessThanOrEqual(1);
      if (said === undefined) return;
    }
    throw new Error(`required: success within 8 tries; found: ${said ?? ""}`);
  }

  async function keyOf(stack: LightStack): Promise<string> {
    return stack.engine.run(["config", "get", "--path", "berth:secrets.deployKey"]);
  }
});
