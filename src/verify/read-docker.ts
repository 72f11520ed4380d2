import type { Container, Image, PublishedPort } from "./host-facts.ts";
import { at, entriesAt, listAt, numberAt, textAt } from "./json.ts";

/** Readers of what Docker prints. They throw on text that is not what they read; a missing field is left undefined. */

function jsonArray(text: string): readonly unknown[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new Error("required: a JSON array");
  return value as readonly unknown[];
}

/** Reads `docker inspect` of containers. */
export function readContainers(text: string): Container[] {
  return jsonArray(text).map((value) => {
    const id = textAt(value, "Id");
    if (id === undefined) throw new Error("a container has no Id");
    const networks = entriesAt(value, "NetworkSettings", "Networks").map(([, network]) => network);
    return {
      id,
      name: (textAt(value, "Name") ?? id.slice(0, 12)).replace(/^\//, ""),
      service: textAt(value, "Config", "Labels", "com.docker.compose.service") ?? "",
      oneOff: textAt(value, "Config", "Labels", "com.docker.compose.oneoff")?.toLowerCase() === "true",
      status: textAt(value, "State", "Status") ?? "unknown",
      health: textAt(value, "State", "Health", "Status"),
      exitCode: numberAt(value, "State", "ExitCode"),
      oomKilled: at(value, "State", "OOMKilled") === true,
      restarts: numberAt(value, "RestartCount"),
      startedAt: textAt(value, "State", "StartedAt") ?? "",
      imageId: textAt(value, "Image") ?? "",
      imageReference: textAt(value, "Config", "Image") ?? "",
      configHash: textAt(value, "Config", "Labels", "com.docker.compose.config-hash"),
      addresses: present(networks.flatMap((network) => [textAt(network, "IPAddress"), textAt(network, "GlobalIPv6Address")])),
      gateways: present(networks.flatMap((network) => [textAt(network, "Gateway"), textAt(network, "IPv6Gateway")])),
      memoryBytes: numberAt(value, "HostConfig", "Memory"),
      memorySwapBytes: numberAt(value, "HostConfig", "MemorySwap"),
      cpuShares: numberAt(value, "HostConfig", "CpuShares"),
      cpuQuota: (numberAt(value, "HostConfig", "NanoCpus") ?? 0) > 0 || (numberAt(value, "HostConfig", "CpuQuota") ?? 0) > 0,
      mounts: listAt(value, "Mounts").map((mount) => ({
        source: textAt(mount, "Source") ?? "",
        destination: textAt(mount, "Destination") ?? "",
        writable: at(mount, "RW") === true,
      })),
    };
  });
}

function present(values: readonly (string | undefined)[]): string[] {
  return values.filter((value) => value !== undefined && value !== "").map(String);
}

/** Reads `docker image inspect`. */
export function readImages(text: string): Image[] {
  return jsonArray(text).map((value) => {
    const id = textAt(value, "Id");
    if (id === undefined) throw new Error("an image has no Id");
    return { id, tags: present(listAt(value, "RepoTags").map(asText)), digests: present(listAt(value, "RepoDigests").map(asText)) };
  });
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Reads the `Ports` of `docker ps --format '{{json .}}'`: `0.0.0.0:80->80/tcp, :::8000-8002->8000-8002/tcp, 6379/tcp`. */
export function readPublished(text: string): PublishedPort[] {
  return text.split("\n").filter((line) => line.trim() !== "").flatMap((line) => {
    const value: unknown = JSON.parse(line);
    const ports = textAt(value, "Ports");
    if (ports === undefined) throw new Error("a container has no Ports");
    const container = textAt(value, "Names") ?? textAt(value, "ID") ?? "?";
    return ports.split(", ").flatMap((port) => {
      const match = /^(.*):(\d+)(?:-(\d+))?->[\d-]+\/(\w+)$/.exec(port);
      if (match === null) return []; // exposed by the image, published nowhere
      const [, host = "", first = "", last = first, protocol = ""] = match;
      return [{ container, host: host.replace(/^\[(.*)\]$/, "$1"), first: Number(first), last: Number(last), protocol }];
    });
  });
}
