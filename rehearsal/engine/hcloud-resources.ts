import { z } from "zod";
import { type Handler, handler } from "./handler.ts";
import { anything, named, nameOf, numericId, rename } from "./hcloud-basics.ts";
import { HcloudError } from "./hcloud-client.ts";
import { serverHandler } from "./hcloud-server.ts";
import { networkHandlers } from "./hcloud-networks.ts";

const rule = z.object({
  direction: z.string(),
  protocol: z.string(),
  port: z.string().optional(),
  sourceIps: z.array(z.string()).optional(),
  destinationIps: z.array(z.string()).optional(),
  description: z.string().optional(),
});

const sshKey = handler(z.object({ ...named, publicKey: z.string() }), {
  create: async (inputs, context) => {
    const name = nameOf(inputs, context);
    try {
      const { ssh_key: key } = await context.hcloud.post("/ssh_keys", { name, public_key: inputs.publicKey, labels: inputs.labels }, z.object({ ssh_key: z.object({ id: numericId, fingerprint: z.string() }) }));
      return { id: String(key.id), outputs: { name, fingerprint: key.fingerprint } };
    } catch (error) {
      if (!(error instanceof HcloudError) || error.code !== "uniqueness_error") throw error;
      throw new Error(`${error.message}. Hetzner takes a public key, and a name, once per project: delete the other key there (Security > SSH keys), or give this stack a deploy key of its own with \`berth init\``, { cause: error });
    }
  },
  updatable: ["name", "labels"],
  update: async (inputs, before, context) => {
    await rename(`/ssh_keys/${before.id}`, inputs, before.changed, context);
    return before;
  },
});

const firewall = handler(z.object({ ...named, rules: z.array(rule).optional() }), {
  create: async (inputs, context) => {
    const name = nameOf(inputs, context);
    const body = { name, labels: inputs.labels, rules: (inputs.rules ?? []).map(ruleBody) };
    const made = await context.hcloud.post("/firewalls", body, z.object({ firewall: z.object({ id: numericId }) }));
    return { id: String(made.firewall.id), outputs: { name, applyTos: [] } };
  },
  updatable: ["name", "labels", "rules"],
  update: async (inputs, before, context) => {
    await rename(`/firewalls/${before.id}`, inputs, before.changed, context);
    if (before.changed.has("rules")) await context.hcloud.post(`/firewalls/${before.id}/actions/set_rules`, { rules: (inputs.rules ?? []).map(ruleBody) }, anything);
    return before;
  },
});

function ruleBody(it: z.infer<typeof rule>): object {
  return {
    direction: it.direction, protocol: it.protocol, port: it.port, description: it.description,
    ...(it.direction === "in" ? { source_ips: it.sourceIps ?? [] } : { destination_ips: it.destinationIps ?? [] }),
  };
}

const firewallAttachment = handler(z.object({ firewallId: numericId, serverIds: z.array(numericId).optional(), labelSelectors: z.array(z.string()).optional() }), {
  create: async (inputs, context) => {
    const targets = [
      ...(inputs.serverIds ?? []).map((id) => ({ type: "server", server: { id } })),
      ...(inputs.labelSelectors ?? []).map((selector) => ({ type: "label_selector", label_selector: { selector } })),
    ];
    await context.hcloud.post(`/firewalls/${inputs.firewallId}/actions/apply_to_resources`, { apply_to: targets }, anything);
    return { id: String(inputs.firewallId), outputs: {} };
  },
});

const primaryIp = handler(
  z.object({ ...named, type: z.enum(["ipv4", "ipv6"]), location: z.string().optional(), assigneeId: numericId.optional(), assigneeType: z.string().optional(), autoDelete: z.boolean().optional(), deleteProtection: z.boolean().optional() }),
  {
    create: async (inputs, context) => {
      const name = nameOf(inputs, context);
      const { primary_ip: ip } = await context.hcloud.post("/primary_ips", {
        name, labels: inputs.labels, type: inputs.type, location: inputs.location, assignee_id: inputs.assigneeId,
        assignee_type: inputs.assigneeType, auto_delete: inputs.autoDelete,
      }, z.object({ primary_ip: z.object({ id: numericId, ip: z.string(), location: z.object({ name: z.string() }) }) }));
      if (inputs.deleteProtection === true) await context.hcloud.post(`/primary_ips/${ip.id}/actions/change_protection`, { delete: true }, anything);
      const [address = ip.ip] = ip.ip.split("/");
      return { id: String(ip.id), outputs: { name, ipAddress: address, ipNetwork: inputs.type === "ipv6" ? ip.ip : "", location: ip.location.name } };
    },
    updatable: ["name", "labels", "deleteProtection"],
    update: async (inputs, before, context) => {
      await rename(`/primary_ips/${before.id}`, inputs, before.changed, context);
      if (before.changed.has("deleteProtection")) await context.hcloud.post(`/primary_ips/${before.id}/actions/change_protection`, { delete: inputs.deleteProtection ?? false }, anything);
      return before;
    },
  },
);

const volumeAnswer = z.object({ volume: z.object({ id: numericId, name: z.string(), size: z.number(), linux_device: z.string(), server: z.number().nullable(), location: z.object({ name: z.string() }), labels: z.record(z.string(), z.string()) }) });

const volume = handler(
  z.object({ ...named, size: z.number(), location: z.string().optional(), serverId: numericId.optional(), format: z.string().optional(), automount: z.boolean().optional(), deleteProtection: z.boolean().optional() }),
  {
    create: async (inputs, context) => {
      const name = nameOf(inputs, context);
      const made = await context.hcloud.post("/volumes", { name, labels: inputs.labels, size: inputs.size, location: inputs.location, server: inputs.serverId, format: inputs.format, automount: inputs.automount }, volumeAnswer);
      if (inputs.deleteProtection === true) await context.hcloud.post(`/volumes/${made.volume.id}/actions/change_protection`, { delete: true }, anything);
      return { id: String(made.volume.id), outputs: { name, linuxDevice: made.volume.linux_device, location: made.volume.location.name } };
    },
    updatable: ["name", "labels", "size", "deleteProtection"],
    update: async (inputs, before, context) => {
      await rename(`/volumes/${before.id}`, inputs, before.changed, context);
      if (before.changed.has("size")) await context.hcloud.post(`/volumes/${before.id}/actions/resize`, { size: inputs.size }, anything);
      if (before.changed.has("deleteProtection")) await context.hcloud.post(`/volumes/${before.id}/actions/change_protection`, { delete: inputs.deleteProtection ?? false }, anything);
      return before;
    },
    read: async (id, context) => {
      const found = await context.hcloud.get(`/volumes/${id}`, volumeAnswer);
      const { name, size, labels, linux_device: linuxDevice, location } = found.volume;
      return { id: String(found.volume.id), outputs: { name, size, labels, linuxDevice, location: location.name } };
    },
  },
);

const volumeAttachment = handler(z.object({ volumeId: numericId, serverId: numericId, automount: z.boolean().optional() }), {
  create: async (inputs, context) => {
    await context.hcloud.post(`/volumes/${inputs.volumeId}/actions/attach`, { server: inputs.serverId, automount: inputs.automount }, anything);
    return { id: String(inputs.volumeId), outputs: {} };
  },
});

export const hcloudHandlers: Readonly<Record<string, Handler>> = {
  "hcloud:index/sshKey:SshKey": sshKey,
  "hcloud:index/firewall:Firewall": firewall,
  "hcloud:index/firewallAttachment:FirewallAttachment": firewallAttachment,
  "hcloud:index/primaryIp:PrimaryIp": primaryIp,
  "hcloud:index/volume:Volume": volume,
  "hcloud:index/volumeAttachment:VolumeAttachment": volumeAttachment,
  "hcloud:index/server:Server": serverHandler,
  ...networkHandlers,
};
