import { EventEmitter, once } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Bench, PUBLIC_KEY, SMALL } from "./client.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.start();
});
afterEach(() => bench.close());

describe("a server's creation", () => {
  test("answers at once with a running action, and makes the machine afterwards", async () => {
    const key = await bench.post("/ssh_keys", { name: "deploy", public_key: PUBLIC_KEY });
    const firewall = await bench.post("/firewalls", { name: "web", rules: [{ direction: "in", protocol: "tcp", port: "80", source_ips: ["0.0.0.0/0", "::/0"] }] });
    const ip = await bench.post("/primary_ips", { name: "web", type: "ipv4", assignee_type: "server", location: "nbg1", auto_delete: false });
    const made = await bench.post("/servers", {
      ...SMALL,
      ssh_keys: ["deploy", key.body.id("ssh_key")],
      firewalls: [{ firewall: firewall.body.id("firewall") }],
      public_net: { enable_ipv4: true, enable_ipv6: false, ipv4: ip.body.id("primary_ip") },
      user_data: "#cloud-config\n",
      labels: { stack: "prod" },
    });
    expect(made.status).toBe(201);
    expect(made.body.at("server", "status")).toBe("initializing");
    expect(made.body.at("server", "locked")).toBe(true);
    expect(made.body.at("action")).toMatchObject({ command: "create_server", status: "running", progress: 0, error: null });
    expect(made.body.at("next_actions", 0, "command")).toBe("start_server");
    await bench.api.books.actions.idle();

    const id = made.body.id("server");
    expect((await bench.get(`/actions?id=${made.body.id("action")}`)).body.at("actions", 0)).toMatchObject({ status: "success", progress: 100, resources: [{ id, type: "server" }] });
    expect(bench.machines.specs).toEqual([{
      id, name: "small", ipv4: "192.0.2.10", ipv6: null, image: "debian-13", userData: "#cloud-config\n", sshKeys: [PUBLIC_KEY, PUBLIC_KEY],
      memoryMb: 4096, cores: 2, diskGb: 40, location: "nbg1", start: true,
    }]);
    expect(bench.machines.calls).toEqual(["createServer small", `applyFirewall ${id} in/tcp/80`]);
    expect((await bench.get(`/servers/${id}`)).body.at("server")).toMatchObject({
      status: "running", locked: false, server_type: { name: "cx23", memory: 4 }, image: { name: "debian-13", architecture: "x86" },
      public_net: { ipv4: { ip: "192.0.2.10" }, ipv6: null, firewalls: [{ status: "applied" }] },
    });
  });

  test("gives a server without public_net an address of each kind, which go with it", async () => {
    const made = await bench.done("/servers", SMALL);
    expect((await bench.get("/primary_ips")).body.at("meta", "pagination", "total_entries")).toBe(2);
    await bench.send("DELETE", `/servers/${made.body.id("server")}`);
    await bench.api.books.actions.idle();
    expect((await bench.get("/primary_ips")).body.at("primary_ips")).toEqual([]);
  });

  test.each([
    ["unknown type", { server_type: "cx999" }, "422 invalid_input: invalid input in field 'server_type'"],
    ["a type that is not offered there", { location: "ash" }, "422 invalid_input: unsupported location for server type"],
    ["an image for another architecture", { server_type: "cax11", image: 310557660 }, "422 invalid_input: invalid input in field 'image'"],
    ["a bad host name", { name: "not a host" }, "422 invalid_input: invalid input in field 'name'"],
    ["user data over 32 KiB", { user_data: "x".repeat(32_769) }, "422 invalid_input: invalid input in field 'user_data'"],
    ["an unknown key", { ssh_keys: ["nobody"] }, "422 invalid_input: invalid input in field 'ssh_keys'"],
    ["an unknown firewall", { firewalls: [{ firewall: 1 }] }, "404 not_found: firewall with ID '1' not found"],
  ])("refuses %s before anything is made", async (_, change, expected) => {
    expect(await bench.error(bench.post("/servers", { ...SMALL, ...change }))).toBe(expected);
    expect(bench.machines.calls).toEqual([]);
    expect((await bench.get("/servers")).body.at("servers")).toEqual([]);
  });

  test("refuses a name twice", async () => {
    await bench.done("/servers", SMALL);
    expect(await bench.error(bench.post("/servers", SMALL))).toBe("409 uniqueness_error: server name is already used");
  });

  test("says resource_unavailable when no address is left", async () => {
    for (const name of ["one", "two"]) await bench.done("/primary_ips", { name, type: "ipv4", location: "nbg1" });
    expect(await bench.error(bench.post("/servers", SMALL))).toMatch(/^412 resource_unavailable: no IPv4 address is left: 2 of 2/);
  });

  test("that fails leaves an action with the reason, and no server", async () => {
    bench.machines.fail("createServer", "no disk");
    const made = await bench.done("/servers", SMALL);
    expect((await bench.get(`/actions/${made.body.id("action")}`)).body.at("action", "error")).toEqual({ code: "action_failed", message: "no disk" });
    expect((await bench.get(`/servers/${made.body.id("server")}`)).status).toBe(404);
    expect(bench.machines.calls.at(-1)).toBe(`deleteServer ${made.body.id("server")}`);
  });
});

async function create(): Promise<number> {
  return (await bench.done("/servers", SMALL)).body.id("server");
}

describe("a living server", () => {
  test("is locked while an action runs", async () => {
    const made = new EventEmitter();
    bench.machines.onServer = () => once(made, "finish").then(() => undefined);
    const id = (await bench.post("/servers", SMALL)).body.id("server");
    const volume = (await bench.post("/volumes", { name: "data", size: 10, location: "nbg1" })).body.id("volume");
    await vi.waitUntil(() => bench.machines.specs.length === 1);
    expect(await bench.error(bench.post(`/servers/${id}/actions/reboot`))).toBe("423 locked: cannot perform operation because the server is locked");
    expect(await bench.error(bench.post(`/volumes/${volume}/actions/attach`, { server: id }))).toBe("423 locked: cannot perform operation because the server is locked");
    made.emit("finish");
    await bench.api.books.actions.idle();
    expect((await bench.post(`/servers/${id}/actions/reboot`)).status).toBe(201);
  });

  test("goes through its power states", async () => {
    const id = await create();
    const seen: unknown[] = [];
    for (const path of ["shutdown", "poweron", "reboot", "reset", "poweroff", "poweroff"]) {
      const answer = await bench.done(`/servers/${id}/actions/${path}`);
      seen.push(`${path}: ${String(answer.body.at("action", "command"))} -> ${String((await bench.get(`/servers/${id}`)).body.at("server", "status"))}`);
    }
    expect(seen).toMatchInlineSnapshot(`
      [
        "shutdown: shutdown_server -> off",
        "poweron: start_server -> running",
        "reboot: reboot_server -> running",
        "reset: reset_server -> running",
        "poweroff: stop_server -> off",
        "poweroff: stop_server -> off",
      ]
    `);
    expect(bench.machines.calls.filter((call) => call.startsWith("powerOff"))).toHaveLength(1);
  });

  test("changes its type only when off, never to a smaller disk or another architecture", async () => {
    const id = await create();
    const change = (server_type: string): Promise<string> => bench.error(bench.post(`/servers/${id}/actions/change_type`, { server_type, upgrade_disk: false }));
    expect(await change("cx33")).toBe(`422 server_not_stopped: server '${id}' must be off, is running`);
    expect(await change("cax21")).toMatch(/^422 invalid_server_type/);
    await bench.done(`/servers/${id}/actions/poweroff`);
    await bench.done(`/servers/${id}/actions/change_type`, { server_type: "cx33", upgrade_disk: false });
    // It is started again by the change itself.
    expect(bench.machines.calls.slice(-2)).toEqual([`resize ${id} 8192/4/40`, `powerOn ${id}`]);
    expect((await bench.get(`/servers/${id}`)).body.at("server")).toMatchObject({ status: "running", server_type: { name: "cx33" }, primary_disk_size: 40 });
  });

  test("is still running when the action of an orderly stop has succeeded", async () => {
    const id = await create();
    const stopped = new EventEmitter();
    bench.machines.onShutdown = () => once(stopped, "finish").then(() => undefined);
    const action = (await bench.post(`/servers/${id}/actions/shutdown`)).body.id("action");
    await vi.waitUntil(async () => (await bench.get(`/actions/${action}`)).body.at("action", "status") === "success");
    await vi.waitUntil(() => bench.machines.calls.includes(`shutdown ${id}`));
    expect((await bench.get(`/servers/${id}`)).body.at("server", "status")).toBe("running");
    expect(await bench.error(bench.post(`/servers/${id}/actions/change_type`, { server_type: "cx33" }))).toMatch(/^422 server_not_stopped/);
    stopped.emit("finish");
    await bench.api.books.actions.idle();
    expect((await bench.get(`/servers/${id}`)).body.at("server", "status")).toBe("off");
  });

  test("that is protected is not deleted", async () => {
    const id = await create();
    await bench.done(`/servers/${id}/actions/change_protection`, { delete: true, rebuild: true });
    expect(await bench.error(bench.send("DELETE", `/servers/${id}`))).toBe("423 protected: server deletion is protected");
    await bench.done(`/servers/${id}/actions/change_protection`, { delete: false, rebuild: false });
    expect((await bench.send("DELETE", `/servers/${id}`)).body.at("action", "command")).toBe("delete_server");
  });

  test("keeps its volumes' data when it is deleted", async () => {
    const id = await create();
    const volume = (await bench.done("/volumes", { name: "data", size: 10, server: id })).body.id("volume");
    await bench.send("DELETE", `/servers/${id}`);
    await bench.api.books.actions.idle();
    expect(bench.machines.calls.slice(-2)).toEqual([`detachVolume ${volume}`, `deleteServer ${id}`]);
    expect((await bench.get(`/volumes/${volume}`)).body.at("volume", "server")).toBeNull();
  });

  test("joins a private network at the address asked for, or the next free one", async () => {
    const network = (await bench.post("/networks", { name: "net", ip_range: "10.0.0.0/16", subnets: [{ type: "cloud", network_zone: "eu-central", ip_range: "10.0.1.0/24" }] })).body.id("network");
    const first = await create();
    const second = (await bench.done("/servers", { ...SMALL, name: "second" })).body.id("server");
    await bench.done(`/servers/${first}/actions/attach_to_network`, { network, ip: "10.0.1.2" });
    await bench.done(`/servers/${second}/actions/attach_to_network`, { network });
    expect(bench.machines.calls.slice(-2)).toEqual([`attachNetwork ${first} 10.0.1.2`, `attachNetwork ${second} 10.0.1.3`]);
    expect(await bench.error(bench.post(`/servers/${first}/actions/attach_to_network`, { network }))).toMatch(/^422 server_already_attached/);
    expect(await bench.error(bench.send("DELETE", `/networks/${network}`))).toMatch(/^422 resource_in_use/);
    await bench.done(`/servers/${first}/actions/detach_from_network`, { network });
    expect((await bench.get(`/servers/${first}`)).body.at("server", "private_net")).toEqual([]);
  });
});
