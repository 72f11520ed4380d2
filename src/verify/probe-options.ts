/** What the probe is told, and how it is told by environment when a program runs it. */

export interface ProbeOptions {
  /** IPv4 or IPv6 address, or name, of the server. */
  readonly address: string;
  /** The server's other address, probed for ports alone. */
  readonly address6?: string;
  /** Name the application is served under by HTTPS; absent: plain HTTP. */
  readonly domain?: string;
  readonly readyPath: string;
  /** Path that must not be passed on; absent: /ops/queue. */
  readonly operatorsPath?: string;
  readonly open: readonly number[];
  readonly closed: readonly number[];
  /** Certificates of Let's Encrypt's staging are trusted by nobody: only their dates are judged. */
  readonly untrustedCertificate?: boolean;
  /** Ports of the proxy, where they are not 80 and 443 (a test). */
  readonly httpPort?: number;
  readonly httpsPort?: number;
  /** How long the proxy may take until it answers (a first certificate takes a while), in milliseconds. */
  readonly patienceMs?: number;
}

/** Redis, Postgres, Docker plain and with TLS, the API's own port, Docker Swarm's: none of them is the world's business. */
export const CLOSED_PORTS: readonly number[] = [6379, 5432, 2375, 2376, 3000, 2377];

/**
 * Reads BERTH_PROBE_ADDRESS, _ADDRESS6, _DOMAIN, _READY_PATH, _ACME_STAGING.
 *
 * @throws when there is no address
 */
export function probeOptions(environment: Readonly<Record<string, string | undefined>>): ProbeOptions {
  const read = (name: string) => {
    const value = environment[`BERTH_PROBE_${name}`]?.trim();
    return value === undefined || value === "" ? undefined : value;
  };
  const address = read("ADDRESS");
  if (address === undefined) throw new Error("probing the server: required: its address in BERTH_PROBE_ADDRESS; found: none; `pulumi stack output address` tells it");
  const address6 = read("ADDRESS6");
  const domain = read("DOMAIN");
  return {
    address,
    ...(address6 === undefined ? {} : { address6 }),
    ...(domain === undefined ? {} : { domain }),
    readyPath: read("READY_PATH") ?? "/readyz",
    open: domain === undefined ? [22, 80] : [22, 80, 443],
    // Without a domain nothing answers HTTPS, and nothing should.
    closed: domain === undefined ? [443, ...CLOSED_PORTS] : CLOSED_PORTS,
    untrustedCertificate: read("ACME_STAGING") === "true",
  };
}
