import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bench, PUBLIC_KEY, SMALL } from "./client.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.start();
});
afterEach(() => bench.close());

async function serverNamed(name: string, labels = {}): Promise<number> {
  return (await bench.done("/servers", { ...SMALL, name, labels })).body.id("server");
}

describe("SSH keys", () => {
  test("are known by the MD5 fingerprint of their blob, and are unique by it", async () => {
    const made = await bench.post("/ssh_keys", { name: "deploy", public_key: PUBLIC_KEY, labels: { a: "b" } });
    expect(made.body.at("ssh_key")).toMatchObject({ name: "deploy", public_key: PUBLIC_KEY, labels: { a: "b" }, fingerprint: expect.stringMatching(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/) });
    expect(await bench.error(bench.post("/ssh_keys", { name: "other", public_key: PUBLIC_KEY }))).toBe("409 uniqueness_error: SSH key with the same fingerprint already exists");
    expect((await bench.get(`/ssh_keys?fingerprint=${String(made.body.at("ssh_key", "fingerprint"))}`)).body.at("ssh_keys", 0, "name")).toBe("deploy");
  });

  test.each(["nonsense", "ssh-ed25519 AAAA", PUBLIC_KEY.replace("ssh-ed25519 ", "ssh-rsa ")])("refuse %s", async (public_key) => {
    expect(await bench.error(bench.post("/ssh_keys", { name: "bad", public_key }))).toBe("422 invalid_input: invalid input in field 'public_key'");
  });
});

describe("firewalls", () => {
  const rule = { direction: "in", protocol: "tcp", port: "22", source_ips: ["198.51.100.0/24"] };

  test("reach the machine when applied, when changed and when taken away", async () => {
    const id = await serverNamed("one");
    const firewall = (await bench.post("/firewalls", { name: "web", rules: [rule] })).body.id("firewall");
    const target = { type: "server", server: { id } };
    await bench.done(`/firewalls/${firewall}/actions/apply_to_resources`, { apply_to: [target] });
    expect(bench.machines.firewalls.get(id)).toEqual([{ direction: "in", protocol: "tcp", port: "22", sourceIps: ["198.51.100.0/24"], destinationIps: [], description: null }]);
    const changed = await bench.done(`/firewalls/${firewall}/actions/set_rules`, { rules: [{ ...rule, port: "443" }] });
    expect(changed.body.at("actions", 0, "command")).toBe("set_firewall_rules");
    expect(bench.machines.calls.at(-1)).toBe(`applyFirewall ${id} in/tcp/443`);
    expect(await bench.error(bench.send("DELETE", `/firewalls/${firewall}`))).toBe(`422 resource_in_use: firewall with ID '${firewall}' is still in use`);
    await bench.done(`/firewalls/${firewall}/actions/remove_from_resources`, { remove_from: [target] });
    expect(bench.machines.firewalls.get(id)).toBeNull();
    expect((await bench.send("DELETE", `/firewalls/${firewall}`)).status).toBe(204);
  });

  test("follow a label selector", async () => {
    const [prod] = [await serverNamed("prod", { stack: "prod" }), await serverNamed("dev", { stack: "dev" })];
    const made = await bench.done("/firewalls", { name: "web", rules: [rule], apply_to: [{ type: "label_selector", label_selector: { selector: "stack=prod" } }] });
    expect(made.body.at("firewall", "applied_to", 0, "applied_to_resources")).toEqual([{ type: "server", server: { id: prod } }]);
    expect(bench.machines.calls.at(-1)).toBe(`applyFirewall ${prod} in/tcp/22`);
  });

  test.each([
    ["host bits in a range", { ...rule, source_ips: ["198.51.100.7/24"] }, "rules.0.source_ips.0"],
    ["no port for tcp", { ...rule, port: undefined }, "rules.0.port"],
    ["a port for icmp", { ...rule, protocol: "icmp" }, "rules.0.port"],
    ["no sources for an incoming rule", { ...rule, source_ips: [] }, "rules.0.source_ips"],
  ])("refuse %s, naming the field", async (_, bad, field) => {
    const answer = await bench.post("/firewalls", { name: "web", rules: [bad] });
    expect(answer.status).toBe(422);
    expect(answer.body.at("error", "details", "fields", 0, "name")).toBe(field);
  });
});

describe("volumes", () => {
  test("are made, attached, grown, detached and deleted, each as an action", async () => {
    const made = await bench.done("/volumes", { name: "data", size: 10, location: "nbg1", format: "ext4" });
    const id = made.body.id("volume");
    expect(made.body.at("volume")).toMatchObject({ status: "creating", server: null, linux_device: `/dev/disk/by-id/scsi-0HC_Volume_${id}`, location: { name: "nbg1" } });
    const host = await serverNamed("small");
    await bench.done(`/volumes/${id}/actions/attach`, { server: host, automount: false });
    expect(await bench.error(bench.post(`/volumes/${id}/actions/attach`, { server: host }))).toMatch(/^422 volume_already_attached/);
    expect(await bench.error(bench.send("DELETE", `/volumes/${id}`))).toMatch(/^422 resource_in_use/);
    expect(await bench.error(bench.post(`/volumes/${id}/actions/resize`, { size: 10 }))).toBe("422 invalid_input: invalid input in field 'size'");
    await bench.done(`/volumes/${id}/actions/resize`, { size: 20 });
    expect((await bench.get(`/servers/${host}`)).body.at("server", "volumes")).toEqual([id]);
    await bench.done(`/volumes/${id}/actions/detach`);
    expect((await bench.send("DELETE", `/volumes/${id}`)).status).toBe(204);
    await bench.api.books.actions.idle();
    expect(bench.machines.calls.filter((call) => call.includes(String(id)))).toEqual([
      `createVolume ${id} 10/ext4`, `attachVolume ${id} ${host}`, `resizeVolume ${id} 20`, `detachVolume ${id}`, `deleteVolume ${id}`,
    ]);
  });

  test("that are protected, or stand elsewhere, are refused", async () => {
    const id = (await bench.done("/volumes", { name: "data", size: 10, location: "fsn1" })).body.id("volume");
    const host = await serverNamed("small");
    expect(await bench.error(bench.post(`/volumes/${id}/actions/attach`, { server: host }))).toBe("422 invalid_input: invalid input in field 'server'");
    await bench.done(`/volumes/${id}/actions/change_protection`, { delete: true });
    expect(await bench.error(bench.send("DELETE", `/volumes/${id}`))).toBe("423 protected: volume deletion is protected");
  });

  test("whose attachment fails are free again", async () => {
    const id = (await bench.done("/volumes", { name: "data", size: 10, location: "nbg1" })).body.id("volume");
    const host = await serverNamed("small");
    bench.machines.fail("attachVolume", "no loop device");
    const action = (await bench.done(`/volumes/${id}/actions/attach`, { server: host })).body.id("action");
    expect((await bench.get(`/actions/${action}`)).body.at("action")).toMatchObject({ status: "error", error: { code: "action_failed", message: "no loop device" } });
    expect((await bench.get(`/volumes/${id}`)).body.at("volume", "server")).toBeNull();
  });
});

describe("primary IPs", () => {
  test("come from the list, outlive the server, and cannot be taken twice", async () => {
    const id = (await bench.post("/primary_ips", { name: "web", type: "ipv4", location: "nbg1" })).body.id("primary_ip");
    const net = { enable_ipv4: true, enable_ipv6: false, ipv4: id };
    const server = (await bench.done("/servers", { ...SMALL, public_net: net })).body.id("server");
    expect((await bench.get(`/primary_ips/${id}`)).body.at("primary_ip")).toMatchObject({ ip: "192.0.2.10", assignee_id: server, assignee_type: "server", location: { name: "nbg1" } });
    expect(await bench.error(bench.post("/servers", { ...SMALL, name: "two", public_net: net }))).toMatch(/^422 primary_ip_assigned/);
    expect(await bench.error(bench.post(`/primary_ips/${id}/actions/unassign`))).toMatch(/^422 server_not_stopped/);
    await bench.send("DELETE", `/servers/${server}`);
    await bench.api.books.actions.idle();
    expect((await bench.get(`/primary_ips/${id}`)).body.at("primary_ip", "assignee_id")).toBeNull();
    await bench.post(`/primary_ips/${id}/actions/change_protection`, { delete: true });
    expect(await bench.error(bench.send("DELETE", `/primary_ips/${id}`))).toBe("423 protected: primary IP deletion is protected");
  });
});

describe("the catalogue", () => {
  test("has the real sizes, and images by name and architecture", async () => {
    const types = await bench.get("/server_types?name=cx33");
    expect(types.body.at("server_types", 0)).toMatchObject({ name: "cx33", cores: 4, memory: 8, disk: 80, architecture: "x86" });
    expect((await bench.get("/images?name=debian-13&architecture=arm&type=system")).body.at("images")).toMatchObject([{ name: "debian-13", architecture: "arm", status: "available" }]);
    expect((await bench.get("/locations?name=nbg1")).body.at("locations")).toMatchObject([{ network_zone: "eu-central" }]);
    expect((await bench.get("/server_types?name=nothing")).body.at("server_types")).toEqual([]);
    expect(await bench.error(bench.get("/server_types/999"))).toBe("404 not_found: server_type with ID '999' not found");
  });
});
