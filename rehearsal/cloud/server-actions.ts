import { z } from "zod";
import { actionView } from "./action-routes.ts";
import type { Books } from "./books.ts";
import { byIdOrName, SERVER_TYPES } from "./catalog.ts";
import { ApiError, invalidField } from "./errors.ts";
import type { Machines } from "./machines.ts";
import { enterNetwork } from "./networks.ts";
import type { ActionRecord, PrivateNet, ServerRecord, ServerStatus } from "./records.ts";
import { empty, id, idOrName, post, type Route } from "./route.ts";

/** The power actions as data: command, what the machine does, the state on the way and the state after. */
const POWER: readonly { path: string; command: string; during: ServerStatus; after: ServerStatus; act: (machines: Machines, server: number) => Promise<void>; when: "on" | "off" }[] = [
  { path: "poweron", command: "start_server", during: "starting", after: "running", act: (machines, server) => machines.powerOn(server), when: "off" },
  { path: "poweroff", command: "stop_server", during: "stopping", after: "off", act: (machines, server) => machines.powerOff(server), when: "on" },
  { path: "reboot", command: "reboot_server", during: "running", after: "running", act: (machines, server) => machines.reboot(server), when: "on" },
  { path: "reset", command: "reset_server", during: "running", after: "running", act: (machines, server) => machines.reset(server), when: "on" },
];

export const serverActionRoutes: readonly Route[] = [
  ...POWER.map(({ path, command, during, after, act, when }) =>
    post(`/servers/{id}/actions/${path}`, empty, ({ books, id: serverId }) => {
      const server = unlocked(books, serverId);
      const before = server.status;
      // Starting what runs, or stopping what is off, succeeds and does nothing.
      const idle = (before === "off") !== (when === "off");
      if (!idle) server.status = during;
      const action = books.actions.start(command, [{ type: "server", id: serverId }], async () => {
        if (!idle) await act(books.machines, serverId);
        if (!idle) server.status = after;
      }, () => {
        server.status = before;
      });
      return { action: actionView(action) };
    })),
  // The action only presses the button: it succeeds at once, and the server is `running` until it has stopped (hcloud-python#495).
  post("/servers/{id}/actions/shutdown", empty, ({ books, id: serverId }) => {
    const server = unlocked(books, serverId);
    const action = books.actions.start("shutdown_server", [{ type: "server", id: serverId }], () => undefined, undefined, async () => {
      if (server.status !== "running") return;
      await books.machines.shutdown(serverId);
      server.status = "off";
    });
    return { action: actionView(action) };
  }),
  post("/servers/{id}/actions/change_type", z.object({ server_type: idOrName, upgrade_disk: z.boolean().nullish() }), ({ books, id: serverId, body }) => {
    const server = unlocked(books, serverId);
    const type = byIdOrName(SERVER_TYPES, body.server_type);
    if (type === undefined) throw invalidField("server_type", `server type '${body.server_type}' does not exist`);
    const present = books.serverType(server.type);
    if (type.architecture !== present.architecture || type.diskGb < server.diskGb || !type.locations.includes(server.location)) {
      throw new ApiError("invalid_server_type", `a server of type ${present.name} with a disk of ${server.diskGb} GB cannot become ${type.name}`);
    }
    if (server.status !== "off") throw new ApiError("server_not_stopped", `server '${serverId}' must be off, is ${server.status}`);
    const diskGb = body.upgrade_disk === true ? type.diskGb : server.diskGb;
    server.status = "migrating";
    // By the API reference this "copies the content of its disk, and starts it again".
    const action = books.actions.start("change_server_type", [{ type: "server", id: serverId }], async () => {
      await books.machines.resize(serverId, { memoryMb: type.memoryGb * 1024, cores: type.cores, diskGb });
      server.type = type.name;
      server.diskGb = diskGb;
      await books.machines.powerOn(serverId);
      server.status = "running";
    }, () => {
      server.status = "off";
    });
    return { action: actionView(action) };
  }),
  post("/servers/{id}/actions/change_protection", z.object({ delete: z.boolean().nullish(), rebuild: z.boolean().nullish() }), ({ books, id: serverId, body }) => {
    const server = books.server(serverId);
    const remove = body.delete ?? server.protectedDelete;
    const rebuild = body.rebuild ?? server.protectedRebuild;
    if (remove !== rebuild) throw invalidField("rebuild", "must have the same value as delete");
    server.protectedDelete = remove;
    server.protectedRebuild = rebuild;
    return { action: actionView(books.actions.start("change_protection", [{ type: "server", id: serverId }], () => undefined)) };
  }),
  post("/servers/{id}/actions/attach_to_network", z.object({ network: id, ip: z.string().nullish() }), ({ books, id: serverId, body }) => {
    const server = unlocked(books, serverId);
    return { action: actionView(attachNetwork(books, server, enterNetwork(books, server, body.network, body.ip))) };
  }),
  post("/servers/{id}/actions/detach_from_network", z.object({ network: id }), ({ books, id: serverId, body }) => {
    const server = unlocked(books, serverId);
    if (!server.privateNets.some((net) => net.network === body.network)) throw invalidField("network", `server '${serverId}' is not attached to network '${body.network}'`);
    const resources = [{ type: "server", id: serverId }, { type: "network", id: body.network }] as const;
    return {
      action: actionView(books.actions.start("detach_from_network", resources, async () => {
        await books.machines.detachNetwork(serverId, body.network);
        leave(server, body.network);
      })),
    };
  }),
];

/** Give the machine the interface that the books already hold. */
export function attachNetwork(books: Books, server: ServerRecord, net: PrivateNet): ActionRecord {
  const { name, ipRange } = books.network(net.network);
  const resources = [{ type: "server", id: server.id }, { type: "network", id: net.network }] as const;
  return books.actions.start("attach_to_network", resources,
    () => books.machines.attachNetwork(server.id, { networkId: net.network, name, ipRange, ip: net.ip, macAddress: net.macAddress }),
    () => leave(server, net.network));
}

function leave(server: ServerRecord, network: number): void {
  server.privateNets = server.privateNets.filter((net) => net.network !== network);
}

function unlocked(books: Books, serverId: number): ServerRecord {
  const server = books.server(serverId);
  books.actions.assertUnlocked({ type: "server", id: serverId });
  return server;
}
