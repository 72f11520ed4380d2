import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Docker } from "../docker/docker.ts";
import { ensureImage } from "../images.ts";
import type { Ledger } from "../ledger.ts";
import type { PublicNetwork } from "../machines/network.ts";
import { tar } from "../machines/tar.ts";
import { makeCertificates } from "./certificates.ts";

/** `.test` is reserved: no resolver outside answers for it. */
const NAME = "acme.provider.test";
const READY_MS = 30_000;

/** Caddy is an ACME server as well: it asks the name that a certificate is for by HTTP, as Let's Encrypt does. */
const CADDYFILE = `{
	admin off
	skip_install_trust
}
https://${NAME} {
	tls /etc/authority/tls.crt /etc/authority/tls.key
	acme_server
}
`;

export interface AuthorityOptions {
  readonly docker: Docker;
  readonly ledger: Ledger;
  readonly network: PublicNetwork;
  /** The name that certificates are asked for, and the address it leads to: no resolver of the world's knows it. */
  readonly leads: { readonly domain: string; readonly address: string };
}

/** The stand-in for a certificate authority: a real one beside the servers, which nothing trusts but the image it makes. */
export class AcmeAuthority {
  readonly directory = `https://${NAME}/acme/local/directory`;
  readonly #docker: Docker;
  readonly #container: string;
  readonly #certificate: string;

  private constructor(docker: Docker, container: string, certificate: string) {
    this.#docker = docker;
    this.#container = container;
    this.#certificate = certificate;
  }

  static async start({ docker, ledger, network, leads }: AuthorityOptions): Promise<AcmeAuthority> {
    const { authority, certificate, key } = await makeCertificates(docker, { label: ledger.label, names: [NAME] });
    const container = `berth-${ledger.id}-acme`;
    await docker([
      "create", "--name", container, ...ledger.label, "--network", network.name, "--ip", network.providerIp, "--network-alias", NAME, "--add-host", `${leads.domain}:${leads.address}`,
      "--init", "--user", "0", await ensureImage("caddy", { docker }), "caddy", "run", "--config", "/etc/authority/Caddyfile",
    ]);
    const files = { Caddyfile: CADDYFILE, "tls.crt": certificate, "tls.key": key };
    await docker(["cp", "-", `${container}:/`], { input: tar(Object.entries(files).map(([name, text]) => ({ path: `/etc/authority/${name}`, mode: "0644", text }))) });
    await docker(["start", container]);
    const started = new AcmeAuthority(docker, container, authority);
    await started.#answers();
    return started;
  }

  /** Out of reach until `comesBack`, with all that it knows. */
  async goesAway(): Promise<void> {
    await this.#docker(["stop", "--time", "2", this.#container]);
  }

  async comesBack(): Promise<void> {
    await this.#docker(["start", this.#container]);
    await this.#answers();
  }

  /** An image of the proxy that trusts this authority's HTTPS, as docs/configuration.md asks for. @returns its local tag */
  async trustedBy(image: string): Promise<string> {
    const tag = "berth-rehearsal/caddy:trusting";
    const folder = await mkdtemp(join(tmpdir(), "berth-trusting-"));
    try {
      await writeFile(join(folder, "ca.crt"), this.#certificate);
      await writeFile(join(folder, "Dockerfile"), `FROM ${image}\nCOPY ca.crt /etc/ssl/certs/berth-rehearsal-acme.crt\n`);
      await this.#docker(["build", "--quiet", "--tag", tag, folder]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return tag;
  }

  async #answers(): Promise<void> {
    const deadline = Date.now() + READY_MS;
    // Not what it said before it went away.
    const since = (await this.#docker(["inspect", "--format", "{{.State.StartedAt}}", this.#container])).trim();
    for (;;) {
      const { stdout, stderr } = await this.#docker.attempt(["logs", "--since", since, this.#container]);
      const said = stdout + stderr;
      if (said.includes("serving initial configuration")) return;
      if (Date.now() > deadline) throw new Error(`starting the certificate authority's stand-in: it must serve within ${READY_MS / 1000} s, found ${said.slice(-500)}`);
      await sleep(200);
    }
  }
}
