import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import { makeCertificates } from "../../rehearsal/provider/certificates.ts";
import { providerCommand, providerFiles } from "../../rehearsal/provider/settings.ts";
import { type RunningService, startRedis } from "./services.ts";

/** A managed Redis, as far as one machine can be a provider: TLS and no other port, an authority of its own, a user who may not ask everything. */

export interface TlsRedis extends RunningService {
  readonly user: string;
  readonly password: string;
  /** The authority's certificate, in PEM. */
  readonly authority: string;
  /** File with it. */
  readonly caFile: string;
  /** `rediss://USER:PASSWORD@localhost:PORT`. */
  readonly secureUrl: string;
}

export interface TlsRedisOptions {
  /** What the user may do beside all that is neither administration nor dangerous; by default what providers commonly leave. */
  readonly allow?: readonly string[];
  /** With a certificate that has ended. */
  readonly expired?: boolean;
}

export async function startTlsRedis({ allow, expired = false }: TlsRedisOptions = {}): Promise<TlsRedis> {
  const directory = mkdtempSync(join(tmpdir(), "berth-tls-"));
  const user = "app";
  const password = randomBytes(12).toString("base64url");
  const docker = await reachableDocker();
  const made = await makeCertificates(docker, { label: ["--label", `berth.test=${process.pid}`], names: ["localhost"], expired });
  for (const { path, text } of providerFiles({ ...made, user, password, ...(allow === undefined ? {} : { allow }) })) writeFileSync(join(directory, path.replace("/data/", "")), text);
  const caFile = join(directory, "ca.crt");
  const service = await startRedis({ inside: 6380, dataDir: directory, wait: false, args: providerCommand(6380).slice(1) });
  return {
    ...service,
    user,
    password,
    authority: made.authority,
    caFile,
    secureUrl: `rediss://${user}:${encodeURIComponent(password)}@localhost:${service.port}`,
    stop: async () => {
      await service.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
