import { z } from "zod";
import { handler } from "./handler.ts";
import { anything, named, nameOf, numericId, rename } from "./hcloud-basics.ts";

const publicNet = z.object({ ipv4Enabled: z.boolean().optional(), ipv4: numericId.optional(), ipv6Enabled: z.boolean().optional(), ipv6: numericId.optional() });

const answer = z.object({
  server: z.object({
    id: numericId,
    status: z.string(),
    location: z.object({ name: z.string() }),
    primary_disk_size: z.number(),
    public_net: z.object({ ipv4: z.object({ ip: z.string() }).nullable(), ipv6: z.object({ ip: z.string() }).nullable() }),
  }),
});

/** Strict: an input that is not carried out must not pass for one that is. */
const inputs = z.strictObject({
  ...named,
  serverType: z.string(),
  image: z.string().optional(),
  location: z.string().optional(),
  sshKeys: z.array(z.string()).optional(),
  firewallIds: z.array(numericId).optional(),
  publicNets: z.array(publicNet).max(1).optional(),
  userData: z.string().optional(),
  /** These two matter only at a resize and at a destroy, which this engine has not. */
  keepDisk: z.boolean().optional(),
  shutdownBeforeDeletion: z.boolean().optional(),
  ignoreRemoteFirewallIds: z.boolean().optional(),
  deleteProtection: z.boolean().optional(),
  rebuildProtection: z.boolean().optional(),
});

export const serverHandler = handler(inputs, {
  create: async (given, context) => {
    const name = nameOf(given, context);
    const [net] = given.publicNets ?? [];
    const made = await context.hcloud.post("/servers", {
      name,
      labels: given.labels,
      server_type: given.serverType,
      image: given.image,
      location: given.location,
      user_data: given.userData,
      // The SDK has ids as strings; the API takes ids as numbers and names as strings.
      ssh_keys: (given.sshKeys ?? []).map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
      firewalls: (given.firewallIds ?? []).map((firewall) => ({ firewall })),
      public_net: net === undefined ? undefined : { enable_ipv4: net.ipv4Enabled ?? true, enable_ipv6: net.ipv6Enabled ?? true, ipv4: net.ipv4, ipv6: net.ipv6 },
    }, z.object({ server: z.object({ id: numericId }) }));
    const { id } = made.server;
    if (given.deleteProtection === true || given.rebuildProtection === true) {
      await context.hcloud.post(`/servers/${id}/actions/change_protection`, { delete: given.deleteProtection ?? false, rebuild: given.rebuildProtection ?? false }, anything);
    }
    const { server } = await context.hcloud.get(`/servers/${id}`, answer);
    const network = server.public_net.ipv6?.ip ?? "";
    return {
      id: String(id),
      outputs: {
        name,
        status: server.status,
        location: server.location.name,
        primaryDiskSize: server.primary_disk_size,
        ipv4Address: server.public_net.ipv4?.ip ?? "",
        ipv6Network: network,
        // The provider names the first address of the /64.
        ipv6Address: network.replace(/\/\d+$/, "1"),
      },
    };
  },
  updatable: ["name", "labels", "keepDisk", "shutdownBeforeDeletion", "ignoreRemoteFirewallIds"],
  update: async (given, before, context) => {
    await rename(`/servers/${before.id}`, given, before.changed, context);
    return before;
  },
});
