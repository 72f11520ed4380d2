import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Docker } from "../docker/docker.ts";
import { ensureImage } from "../images.ts";
import type { Ledger } from "../ledger.ts";
import type { PublicNetwork } from "../machines/network.ts";
import { tar } from "../machines/tar.ts";
import { type ListedClient, listedClients } from "../observe.ts";
import { makeCertificates } from "./certificates.ts";
import { providerCommand, providerFiles } from "./settings.ts";

/** `.test` is reserved: no resolver outside answers for it. */
const NAME = "redis.provider.test";
const PORT = 6380;
const USER = "app";
const READY_MS = 30_000;

export interface ManagedRedisOptions {
  readonly docker: Docker;
  readonly ledger: Ledger;
  readonly network: PublicNetwork;
}

/** The stand-in for a provider of managed Redis: a real one beside the servers, as `settings.ts` has it. */
export class ManagedRedis {
  /** `rediss://USER:PASSWORD@HOST:PORT`. Secret. */
  readonly url: string;
  readonly password: string;
  /** Certificate of its authority, in PEM. */
  readonly authority: string;
  readonly #docker: Docker;
  readonly #container: string;

  private constructor(docker: Docker, container: string, password: string, authority: string) {
    this.#docker = docker;
    this.#container = container;
    this.password = password;
    this.authority = authority;
    this.url = `rediss://${USER}:${password}@${NAME}:${PORT}`;
  }

  static async start({ docker, ledger, network }: ManagedRedisOptions): Promise<ManagedRedis> {
    const certificates = await makeCertificates(docker, { label: ledger.label, names: [NAME] });
    const password = randomBytes(24).toString("base64url");
    const container = `berth-${ledger.id}-provider`;
    await docker([
      "create", "--name", container, ...ledger.label, "--network", network.name, "--ip", network.providerIp, "--network-alias", NAME, "--init",
      await ensureImage("redis", { docker }), ...providerCommand(PORT),
    ]);
    await docker(["cp", "-", `${container}:/`], { input: tar(providerFiles({ ...certificates, user: USER, password })) });
    await docker(["start", container]);
    const redis = new ManagedRedis(docker, container, password, certificates.authority);
    await redis.#answers();
    return redis;
  }

  /** Run commands as the customer, over TLS; the password goes by standard input. Gives one reply a line. */
  async cli(...commands: readonly string[]): Promise<string> {
    const input = `AUTH ${USER} ${this.password}\n${commands.join("\n")}\n`;
    const argv = ["exec", "--interactive", this.#container, "redis-cli", "--tls", "--cacert", "/data/ca.crt", "-h", NAME, "-p", String(PORT)];
    return (await this.#docker(argv, { input })).replace(/^OK\n/, "");
  }

  /** The connections that come from an address, as Redis lists them. */
  async clients(address: string): Promise<ListedClient[]> {
    return listedClients(await this.cli("CLIENT LIST")).filter((client) => client.address.startsWith(`${address}:`));
  }

  async #answers(): Promise<void> {
    const deadline = Date.now() + READY_MS;
    for (;;) {
      const said = await this.cli("PING").catch((error: unknown) => String(error));
      if (said.trim() === "PONG") return;
      if (Date.now() > deadline) throw new Error(`starting the managed Redis's stand-in: PONG is required within ${READY_MS / 1000} s, found ${said}`);
      await sleep(200);
    }
  }
}
