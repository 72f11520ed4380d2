import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Docker } from "./docker/docker.ts";
import type { Log } from "./docker/exec.ts";
import { ensureImage } from "./images.ts";
import type { Ledger } from "./ledger.ts";
import type { PublicNetwork } from "./machines/network.ts";
import { tar, type TarFile } from "./machines/tar.ts";

/** `.test` is reserved: no resolver outside answers for it. */
export const REGISTRY_NAME = "registry.berth.test";
/** Layers pushed once are not pushed again: the data outlives the runs, and carries no run's label. */
const DATA_VOLUME = "berth-rehearsal-registry";
/** The same in each run: what the daemon knows to be in a registry, it knows by the registry's address. */
const PUSH_PORT = 38_443;
const PUSH_TIMEOUT_MS = 300_000;

export interface RegistryOptions {
  readonly docker: Docker;
  readonly ledger: Ledger;
  readonly network: PublicNetwork;
  readonly log?: Log;
}

/** A private registry that stand-in servers pull from: TLS by a certificate authority of its own, basic authentication. */
export class Registry {
  readonly server = REGISTRY_NAME;
  readonly username = "berth";
  readonly password: string;
  /** For the servers to trust it; lay down before they start. */
  readonly trust: readonly TarFile[];
  readonly #docker: Docker;
  readonly #pushAddress: string;

  private constructor(docker: Docker, password: string, trust: readonly TarFile[], pushAddress: string) {
    this.#docker = docker;
    this.password = password;
    this.trust = trust;
    this.#pushAddress = pushAddress;
  }

  static async start(options: RegistryOptions): Promise<Registry> {
    const { docker, ledger, network } = options;
    const log = options.log ?? (() => undefined);
    const image = await ensureImage("registry", { docker, log });
    const password = randomBytes(18).toString("base64url");
    const identity = await makeIdentity(docker, ledger, await ensureImage("server", { docker, log }), password);
    const container = `berth-${ledger.id}-registry`;
    const files = tar([
      { path: "/etc/stand-in/tls.crt", mode: "0644", text: identity.certificate },
      { path: "/etc/stand-in/tls.key", mode: "0600", text: identity.key },
      { path: "/etc/stand-in/htpasswd", mode: "0644", text: identity.htpasswd },
    ]);
    const startAt = async (port: number | ""): Promise<string | undefined> => {
      await docker([
        "create", "--name", container, ...ledger.label, "--network", network.name, "--ip", network.registryIp, "--network-alias", REGISTRY_NAME,
        "--publish", `127.0.0.1:${port}:443`, "--volume", `${DATA_VOLUME}:/var/lib/registry`, "--init",
        "--env", "REGISTRY_HTTP_ADDR=:443", "--env", "REGISTRY_HTTP_TLS_CERTIFICATE=/etc/stand-in/tls.crt", "--env", "REGISTRY_HTTP_TLS_KEY=/etc/stand-in/tls.key",
        "--env", "REGISTRY_AUTH=htpasswd", "--env", "REGISTRY_AUTH_HTPASSWD_REALM=berth", "--env", "REGISTRY_AUTH_HTPASSWD_PATH=/etc/stand-in/htpasswd",
        image,
      ]);
      await docker(["cp", "-", `${container}:/`], { input: files });
      const { code, stderr } = await docker.attempt(["start", container]);
      return code === 0 ? undefined : stderr.trim();
    };
    // Only Docker knows whether a port is free, and only once it has it: two runs that begin together would both find it so.
    if (await startAt(PUSH_PORT) !== undefined) {
      await docker(["rm", "--force", container]);
      const refused = await startAt("");
      if (refused !== undefined) throw new Error(`starting the rehearsal's registry: a port on 127.0.0.1 is required: ${refused}`);
    }
    const published = (await docker(["port", container, "443/tcp"])).split("\n")[0] ?? "";
    await answers(published);
    return new Registry(docker, password, [
      { path: `/etc/docker/certs.d/${REGISTRY_NAME}/ca.crt`, mode: "0644", text: identity.authority },
      { path: "/usr/local/share/ca-certificates/berth-rehearsal.crt", mode: "0644", text: identity.authority },
    ], published);
  }

  /**
   * Push a local image as `name` (`app`); gives back `registry.berth.test/app@sha256:…`. The daemon pushes to a port on the loopback interface: there
   * it asks for no certificate that it knows, so that its settings stay as they are.
   */
  async push(localTag: string, name: string): Promise<string> {
    const reference = `${this.#pushAddress}/${name}:rehearsal`;
    // Credentials in a directory that goes: the user's own ~/.docker is not ours to write to.
    const config = await mkdtemp(join(tmpdir(), "berth-push-"));
    try {
      const auth = Buffer.from(`${this.username}:${this.password}`).toString("base64");
      await writeFile(join(config, "config.json"), JSON.stringify({ auths: { [this.#pushAddress]: { auth } } }), { mode: 0o600 });
      await this.#docker(["tag", localTag, reference]);
      const said = await this.#docker(["--config", config, "push", reference], { timeoutMs: PUSH_TIMEOUT_MS });
      const digest = /digest: (sha256:[0-9a-f]{64})/.exec(said)?.[1];
      if (digest === undefined) throw new Error(`pushing ${localTag} as ${name}: a digest is required in what docker push says: ${said.slice(-300)}`);
      return `${REGISTRY_NAME}/${name}@${digest}`;
    } finally {
      await this.#docker.attempt(["rmi", "--no-prune", reference]);
      await rm(config, { recursive: true, force: true });
    }
  }
}

interface Identity {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly htpasswd: string;
}

/**
 * Made inside the server's image, which has openssl and perl whatever this machine has. The password comes on standard input. bcrypt is the one hash that the
 * registry takes; Debian's crypt(3) has it.
 */
const IDENTITY_SCRIPT = `set -eu
cd /tmp
quiet() { "$@" 2>/dev/null; }
quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=Berth rehearsal' -keyout ca.key -out ca.crt
quiet openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=${REGISTRY_NAME}' -addext 'subjectAltName=DNS:${REGISTRY_NAME},DNS:localhost,IP:127.0.0.1' -keyout tls.key -out tls.csr
quiet openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -days 30 -copy_extensions copy -out tls.crt
salt=$(openssl rand -hex 11)
perl -e 'my ($user, $salt) = @ARGV; my $password = <STDIN>; print "$user:", crypt($password, "\\$2y\\$05\\$$salt"), "\\n"' berth "$salt" >htpasswd
for file in ca.crt tls.crt tls.key htpasswd; do cat "$file"; echo "@@"; done
`;

async function makeIdentity(docker: Docker, ledger: Ledger, image: string, password: string): Promise<Identity> {
  const text = await docker(["run", "--rm", ...ledger.label, "--interactive", "--network", "none", "--entrypoint", "/bin/sh", image, "-c", IDENTITY_SCRIPT], { input: password });
  const [authority, certificate, key, htpasswd] = text.split(/@@\n?/).map((part) => part.trimStart());
  if (authority === undefined || certificate === undefined || key === undefined || htpasswd === undefined || !htpasswd.startsWith("berth:$2y$")) {
    throw new Error("making the registry's certificate: openssl and perl of the server's image must make four documents, and did not");
  }
  return { authority, certificate, key, htpasswd };
}

/** Wait for the registry's first answer (401: it asks who is there). */
async function answers(address: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const status = await new Promise<number>((resolve) => {
      // On the loopback interface, and only to see whether it is up: nothing is sent.
      get(`https://${address}/v2/`, { rejectUnauthorized: false, timeout: 2_000 }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      }).on("error", () => resolve(0));
    });
    if (status === 401) return;
    if (Date.now() > deadline) throw new Error(`starting the registry: an answer on https://${address}/v2/ is required within 20 s, found ${status === 0 ? "none" : `status ${status}`}`);
    await sleep(100);
  }
}
