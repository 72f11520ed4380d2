import type { Docker } from "../docker/docker.ts";
import { ensureImage } from "../images.ts";

export interface Certificates {
  /** The authority's own, in PEM. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** `--label NAME=VALUE`, for the container in which they are made. */
  readonly label: readonly string[];
  /** DNS names that the certificate is for. */
  readonly names: readonly string[];
  /** The server's certificate has ended long ago. */
  readonly expired?: boolean;
}

/** `$1`: the subject's alternative names; the others: options for how long the certificate is valid. */
const SCRIPT = `set -eu
cd /tmp
quiet() { "$@" 2>/dev/null; }
key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
quiet openssl req -x509 $key -days 30 -subj '/CN=Berth rehearsal provider' -keyout ca.key -out ca.crt
quiet openssl req $key -subj '/CN=redis' -keyout tls.key -out tls.csr
echo "subjectAltName=$1" >names
shift
quiet openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile names -out tls.crt "$@"
for file in ca.crt tls.crt tls.key; do cat "$file"; echo "@@"; done
`;

/** An authority and a certificate by it, made inside the server's image, which has openssl whatever this machine has. */
export async function makeCertificates(docker: Docker, { label, names, expired = false }: CertificateOptions): Promise<Certificates> {
  const image = await ensureImage("server", { docker });
  const alternatives = names.map((name) => `DNS:${name}`).join(",");
  const valid = expired ? ["-not_before", "20240101000000Z", "-not_after", "20240102000000Z"] : ["-days", "30"];
  const text = await docker(["run", "--rm", ...label, "--network", "none", "--entrypoint", "/bin/sh", image, "-c", SCRIPT, "certificates", alternatives, ...valid]);
  const [authority, certificate, key] = text.split(/@@\n?/).map((part) => part.trimStart());
  if (authority === undefined || certificate === undefined || key === undefined || !key.includes("PRIVATE KEY")) {
    throw new Error("making a provider's certificate: openssl of the server's image must make three documents, and did not");
  }
  return { authority, certificate, key };
}
