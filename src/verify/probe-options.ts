/** What the probe is told, and how it is told by environment when a program runs it. */

export interface ProbeOptions {
  /** IPv4 or IPv6 address, or name, of the server. */
  readonly address: string;
  /** The server's IPv6 address, probed for ports alone, and only where this machine has a route to it. */
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
  /** What the advice is to name: the project, whose containers are called by it, and of several nodes the proxy's. Absent: `berth`, and but one node. */
  readonly project?: string;
  readonly node?: string;
  /** Ports of the proxy, where they are not 80 and 443 (a test). */
  readonly httpPort?: number;
  readonly httpsPort?: number;
  /** How long the proxy may take until it answers (a first certificate takes a while), in milliseconds. */
  readonly patienceMs?: number;
}

/** Redis, Postgres, Docker plain and with TLS, Docker Swarm's: none of them is the world's business. The API's own port comes with them. */
export const CLOSED_PORTS: readonly number[] = [6379, 5432, 2375, 2376, 2377];
/** `app.port`, unless it is set. */
const APP_PORT = 3000;

/**
 * Reads BERTH_PROBE_ADDRESS, _ADDRESS6, _DOMAIN, _READY_PATH, _APP_PORT, _ACME_STAGING, _PROJECT, _NODE.
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
  const project = read("PROJECT");
  const node = read("NODE");
  const open = domain === undefined ? [22, 80] : [22, 80, 443];
  // Without a domain nothing answers HTTPS, and nothing should.
  const closed = [...CLOSED_PORTS, appPort(read("APP_PORT")), ...(domain === undefined ? [443] : [])];
  return {
    address,
    ...(address6 === undefined ? {} : { address6 }),
    ...(domain === undefined ? {} : { domain }),
    readyPath: read("READY_PATH") ?? "/readyz",
    open,
    // An API that listens on 80 in its container is behind the proxy's 80: what must be open is not also closed.
    closed: [...new Set(closed)].filter((port) => !open.includes(port)),
    untrustedCertificate: read("ACME_STAGING") === "true",
    ...(project === undefined ? {} : { project }),
    ...(node === undefined ? {} : { node }),
  };
}

function appPort(text: string | undefined): number {
  if (text === undefined) return APP_PORT;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`probing the server: required: a port in BERTH_PROBE_APP_PORT; found: ${text}; it is berth:app.port`);
  return port;
}
