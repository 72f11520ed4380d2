import { isIP } from "node:net";
import type { Config } from "./schema.ts";

/** A Redis that a provider runs: told by `secrets.redisUrl`, and then Berth renders none of its own. */

/** What a Redis URL says, less its secrets. */
export interface RedisAddress {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly hasPassword: boolean;
}

const DEFAULT_PORT = 6379;

/** Read `redis://` or `rediss://`; a text says why it is neither. Never quotes the URL: it holds the password. */
export function readRedisUrl(text: string): RedisAddress | string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== "redis" && scheme !== "rediss") return "a text that does not begin with rediss:// or redis://";
  if (!URL.canParse(text)) return "a URL that cannot be read (special characters of a password are written %XX)";
  const { hostname, port, username, password, pathname, search, hash } = new URL(text);
  if (hostname === "") return "a URL without a host";
  if (!/^\/?\d{0,2}$/.test(pathname)) return "a URL whose path is not the number of a database";
  if (search !== "" || hash !== "") return "a URL with ? or # in it (as part of a password: %3F, %23)";
  if (port === "0") return "a URL with port 0, which nobody listens on";
  if (!isDecodable(username) || !isDecodable(password)) return "a URL with a % that begins no %XX (write % as %25)";
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || DEFAULT_PORT), tls: scheme === "rediss", hasPassword: password !== "" };
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether Redis is a provider's. */
export function isManaged(config: Config): boolean {
  return config.secrets.redisUrl !== undefined;
}

/** Of the machine itself, which in a container is the container. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host.startsWith("127.") || host === "::1" || host === "0.0.0.0" || host === "::";
}

/**
 * Whether only a private network leads to a host: RFC 1918, shared (RFC 6598) and unique local (RFC 4193) addresses, and names that no
 * public resolver answers for (RFC 6762, RFC 8375, ICANN's .internal). Another name may mean any address: it counts as public.
 */
export function isPrivate(host: string): boolean {
  if (isIP(host) === 6) return /^f[cd]/i.test(host);
  if (isIP(host) === 0) return /\.(?:internal|local|home\.arpa)$/i.test(host);
  const [first = 0, second = 0] = host.split(".").map(Number);
  return first === 10 || (first === 172 && second >= 16 && second < 32) || (first === 192 && second === 168) || (first === 100 && second >= 64 && second < 128);
}
