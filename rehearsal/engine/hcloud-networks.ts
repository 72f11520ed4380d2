import { z } from "zod";
import { type Handler, handler } from "./handler.ts";
import { anything, named, nameOf, numericId, rename } from "./hcloud-basics.ts";

const network = handler(z.object({ ...named, ipRange: z.string(), deleteProtection: z.boolean().optional(), exposeRoutesToVswitch: z.boolean().optional() }), {
  create: async (inputs, context) => {
    const name = nameOf(inputs, context);
    const made = await context.hcloud.post("/networks", { name, labels: inputs.labels, ip_range: inputs.ipRange }, z.object({ network: z.object({ id: numericId }) }));
    if (inputs.deleteProtection === true) await context.hcloud.post(`/networks/${made.network.id}/actions/change_protection`, { delete: true }, anything);
    return { id: String(made.network.id), outputs: { name } };
  },
  updatable: ["name", "labels"],
  update: async (inputs, before, context) => {
    await rename(`/networks/${before.id}`, inputs, before.changed, context);
    return before;
  },
});

const subnets = z.object({ network: z.object({ subnets: z.array(z.object({ ip_range: z.string(), gateway: z.string() })) }) });

const networkSubnet = handler(z.object({ networkId: numericId, type: z.string(), networkZone: z.string(), ipRange: z.string() }), {
  create: async (inputs, context) => {
    await context.hcloud.post(`/networks/${inputs.networkId}/actions/add_subnet`, { type: inputs.type, network_zone: inputs.networkZone, ip_range: inputs.ipRange }, anything);
    const found = await context.hcloud.get(`/networks/${inputs.networkId}`, subnets);
    const gateway = found.network.subnets.find((it) => it.ip_range === inputs.ipRange)?.gateway ?? "";
    return { id: `${inputs.networkId}-${inputs.ipRange}`, outputs: { gateway } };
  },
});

const privateNets = z.object({ server: z.object({ private_net: z.array(z.object({ network: numericId, ip: z.string(), mac_address: z.string() })) }) });

const serverNetwork = handler(z.object({ serverId: numericId, networkId: numericId.optional(), subnetId: z.string().optional(), ip: z.string().optional() }), {
  create: async (inputs, context) => {
    // A subnet's id is `<network>-<range>`, as the provider makes it.
    const networkId = inputs.networkId ?? Number(inputs.subnetId?.split("-")[0]);
    if (!Number.isInteger(networkId)) throw new Error("attach a server to a network: networkId or subnetId is required, found neither");
    await context.hcloud.post(`/servers/${inputs.serverId}/actions/attach_to_network`, { network: networkId, ip: inputs.ip }, anything);
    const found = await context.hcloud.get(`/servers/${inputs.serverId}`, privateNets);
    const net = found.server.private_net.find((it) => it.network === networkId);
    return { id: `${inputs.serverId}-${networkId}`, outputs: { networkId, ip: net?.ip ?? "", macAddress: net?.mac_address ?? "" } };
  },
});

export const networkHandlers: Readonly<Record<string, Handler>> = {
  "hcloud:index/network:Network": network,
  "hcloud:index/networkSubnet:NetworkSubnet": networkSubnet,
  "hcloud:index/serverNetwork:ServerNetwork": serverNetwork,
};
