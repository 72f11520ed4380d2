import { z } from "zod";
import { parse, type Properties } from "./handler.ts";
import type { HcloudClient } from "./hcloud-client.ts";

type Function = (inputs: unknown, hcloud: HcloudClient) => Promise<Properties>;

const query = z.object({ id: z.number().optional(), name: z.string().optional(), withArchitecture: z.string().optional(), withSelector: z.string().optional() });
const entry = z.record(z.string(), z.unknown());

/** Data sources of the provider, by token: each asks a list and turns the one entry it finds into the SDK's names. */
export const hcloudFunctions: Readonly<Record<string, Function>> = {
  "hcloud:index/getServerType:getServerType": lookup("server_types", "server type"),
  "hcloud:index/getImage:getImage": lookup("images", "image"),
  "hcloud:index/getLocation:getLocation": lookup("locations", "location"),
  "hcloud:index/getVolume:getVolume": lookup("volumes", "volume"),
  "hcloud:index/getServer:getServer": lookup("servers", "server"),
  "hcloud:index/getNetwork:getNetwork": lookup("networks", "network"),
  "hcloud:index/getPrimaryIp:getPrimaryIp": lookup("primary_ips", "primary IP"),
  "hcloud:index/getServers:getServers": listed("servers"),
  "hcloud:index/getVolumes:getVolumes": listed("volumes"),
};

/** All of a kind that a selector finds; a volume names its server as the provider does. */
function listed(kind: "servers" | "volumes"): Function {
  return async (inputs, hcloud) => {
    const { withSelector } = parse(query, inputs);
    const said = await hcloud.get(`/${kind}?${new URLSearchParams({ per_page: "50", ...(withSelector === undefined ? {} : { label_selector: withSelector }) }).toString()}`, z.record(z.string(), z.unknown()));
    const entries = z.array(entry).parse(said[kind]).map((it) => ({ ...shown(it), ...(kind === "volumes" && typeof it["server"] === "number" ? { serverId: it["server"] } : {}) }));
    return { [kind]: entries };
  };
}

function lookup(kind: string, what: string): Function {
  return async (inputs, hcloud) => {
    const given = parse(query, inputs);
    const list = await hcloud.get(`/${kind}?${new URLSearchParams({ per_page: "50", ...(given.name === undefined ? {} : { name: given.name }), ...(given.withSelector === undefined ? {} : { label_selector: given.withSelector }), ...(given.withArchitecture === undefined ? {} : { architecture: given.withArchitecture }) }).toString()}`, z.record(z.string(), z.unknown()));
    const entries = z.array(entry).parse(list[kind]);
    const found = entries.find((it) => given.id === undefined || it.id === given.id);
    if (found === undefined) throw new Error(`no ${what} found with ${Object.entries(given).map(([key, value]) => `${key} '${String(value)}'`).join(", ")}`);
    return shown(found);
  };
}

/** snake_case to camelCase; a place or a server type given as an object becomes its name, as the provider shows it. */
function shown(found: z.infer<typeof entry>): Properties {
  const named = z.object({ name: z.string() });
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null).map(([key, value]) => {
    const camel = key.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const object = key === "location" || key === "server_type" ? named.safeParse(value) : undefined;
    return [camel, object?.success === true ? object.data.name : value];
  }));
}
