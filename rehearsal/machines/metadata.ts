import { readFileSync } from "node:fs";
import type { MachineSpec } from "../cloud/machines.ts";
import type { Docker } from "../docker/docker.ts";
import type { Ledger } from "../ledger.ts";
import type { PublicNetwork } from "./network.ts";
import { tar, type TarFile } from "./tar.ts";

const SERVICE = readFileSync(new URL("../images/files/metadata.py", import.meta.url), "utf8");

/** Hetzner's metadata service on the stand-ins' network, at the address that it has everywhere: 169.254.169.254. */
export class MetadataService {
  readonly #docker: Docker;
  readonly #container: string;

  private constructor(docker: Docker, container: string) {
    this.#docker = docker;
    this.#container = container;
  }

  /** Start it in a container of the server's image, which has Python and `ip`. */
  static async start(docker: Docker, ledger: Ledger, network: PublicNetwork, serverImage: string): Promise<MetadataService> {
    const container = `berth-${ledger.id}-metadata`;
    await docker([
      "create", "--name", container, ...ledger.label, "--network", network.name, "--ip", network.metadataIp, "--cap-add", "NET_ADMIN", "--init",
      "--entrypoint", "/bin/sh", serverImage, "-c", "ip address add 169.254.169.254/32 dev eth0 && exec python3 -u /srv/metadata.py",
    ]);
    const service = new MetadataService(docker, container);
    await service.#copy([{ path: "/srv/metadata.py", mode: "0644", text: SERVICE }]);
    await docker(["start", container]);
    return service;
  }

  /** From now on, answer this server. The documents hold its user data, which is secret: they stay in the container. */
  async tell(spec: MachineSpec & { readonly ipv4: string }): Promise<void> {
    const documents = metadataDocuments(spec);
    await this.#copy(Object.entries(documents).map(([name, text]) => ({ path: `/srv/metadata/${spec.ipv4}/${name}`, mode: "0600", text })));
  }

  /** The server at this address is no more. */
  async forget(ipv4: string): Promise<void> {
    await this.#docker.attempt(["exec", this.#container, "rm", "-rf", "--", `/srv/metadata/${ipv4}`]);
  }

  async #copy(files: readonly TarFile[]): Promise<void> {
    await this.#docker(["cp", "-", `${this.#container}:/`], { input: tar(files) });
  }
}

/** Path below /hetzner/v1/, its slashes as dots -> what the service answers. */
export function metadataDocuments(spec: MachineSpec): Readonly<Record<string, string>> {
  const fields = {
    hostname: spec.name,
    "instance-id": String(spec.id),
    "public-ipv4": spec.ipv4 ?? "",
    "availability-zone": `${spec.location}-dc1`,
    region: "eu-central",
  };
  const metadata = { ...fields, "instance-id": spec.id, "public-keys": spec.sshKeys };
  return {
    userdata: spec.userData,
    metadata: Object.entries(metadata).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`).join(""),
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [`metadata.${name}`, value])),
  };
}
