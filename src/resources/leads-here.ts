import { X509Certificate } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config/schema.ts";
import { dnsFault, type Here, type Records, recordsFor } from "../dns.ts";
import { runOverSsh } from "../ssh.ts";
import { targetAt } from "./connection.ts";
import type { Server } from "./server.ts";
import { byNow, waitUntil } from "./waiting.ts";

/** Time to create a record by hand, or for one to reach the zone's servers. */
const BOUND_SECONDS = 300;
const PAUSE_SECONDS = 5;

export interface Leading {
  readonly domain: string;
  readonly here: Here;
  readonly say: (line: string) => void;
  /** Whether the host holds a certificate that is good for a while: then no authority is asked. */
  readonly certified: () => Promise<boolean>;
  readonly records?: (domain: string, here: Here) => Promise<Records>;
  readonly boundSeconds?: number;
  readonly pauseSeconds?: number;
}

/**
 * Wait until the domain leads to the server, before a proxy is started that would ask for a certificate: an authority counts failures, and
 * shuts the door for an hour or a week. A server that has its certificate asks for none, so there a wrong record is only said.
 * @throws {Error} after the bound
 */
export async function awaitDns({ domain, here, say, certified, records = recordsFor, boundSeconds = BOUND_SECONDS, pauseSeconds = PAUSE_SECONDS }: Leading): Promise<void> {
  const missing = async (): Promise<string | undefined> => dnsFault(await records(domain, here), here);
  const first = await missing();
  if (first === undefined) return;
  if (await certified()) {
    say(`${domain} does not lead to this server: ${first}. Its certificate is there already; the next one will not come`);
    return;
  }
  const still = await waitUntil({ boundSeconds, pauseSeconds, say, what: `waiting for ${domain} to lead to this server; create its DNS record now` }, missing);
  if (still === undefined) return;
  throw new Error(`certificate for ${domain}: a name that leads to the server is required. ${still}. Create the record at your DNS provider, then run the same command again: ` +
    "it goes on from here, and no certificate was asked for. (berth:acme.checkDns: false when the name leads here by another way)");
}

/** Runs before a release; in a preview it only looks, and says. Empty without a domain. */
export function leadsHere(name: string, config: Config, server: Server): pulumi.ResourceHook[] {
  const { domain, acme } = config;
  if (domain === undefined || !acme.checkDns) return [];
  const known = new Promise<Here>((resolve) => pulumi.all([server.address, server.address6]).apply(([v4, v6]) => resolve({ v4, v6 })));
  return [new pulumi.ResourceHook(`${name}-domain-leads-here`, async () => {
    if (!pulumi.runtime.isDryRun()) {
      const here = await known;
      return awaitDns({ domain, here, say: (line) => void pulumi.log.info(line), certified: () => hasCertificate(config, domain, here.v4) });
    }
    // Before the first server has an address there is nothing to compare with.
    const here = await byNow(known);
    if (here === undefined) return;
    const fault = dnsFault(await recordsFor(domain, here), here);
    if (fault !== undefined) await pulumi.log.warn(`${domain} does not lead to this server: ${fault}. A certificate needs it: \`pulumi up\` will wait for it`);
  }, { onDryRun: true })];
}

/** Of whatever authority the stack uses: Caddy keeps them by the authority's name. */
async function hasCertificate(config: Config, domain: string, host: string): Promise<boolean> {
  const staging = config.acme.staging ? "" : "! -path '*staging*'";
  const { stdout } = await runOverSsh(targetAt(host, config), `sudo find /mnt/berth/caddy/caddy/certificates -path '*/${domain}.crt' ${staging} -exec cat {} + 2>/dev/null`, { timeoutSeconds: 30 });
  return stdout.includes("BEGIN CERTIFICATE") && Date.parse(new X509Certificate(stdout).validTo) > Date.now();
}
