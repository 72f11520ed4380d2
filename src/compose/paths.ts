/**
 * Where things are: on the host as docs/architecture.md lays it out, and inside the containers. The paths on the host that carry
 * a digest come from `src/release/addresses.ts`; here are those that the Compose file needs, and the program that everybody calls.
 */

/** The program on the host: server/berth of the chosen release. */
export const BERTH = "/opt/berth/scripts/current/berth";
/** The volume's mount point on the host. */
export const MOUNT = "/mnt/berth";
/** Directories of the volume, each owned by the uid of the service that writes it. */
export const DATA = { redis: `${MOUNT}/redis`, postgres: `${MOUNT}/postgres`, proxy: `${MOUNT}/caddy` } as const;

/** Inside the containers. */
export const INSIDE = {
  /** Where the official image documents it; the Debian package closes /etc/redis to other users. */
  redisConf: "/usr/local/etc/redis/redis.conf",
  redisAuth: "/run/secrets/redis-auth.conf",
  redisPassword: "/run/secrets/redis_password",
  /** Of a managed Redis, with its password. */
  redisUrl: "/run/secrets/redis_url",
  /** No secret: certificate of the authority that signed a managed Redis's own. */
  redisCa: "/etc/berth/redis-ca.crt",
  postgresPassword: "/run/secrets/postgres_password",
  postgresVolume: "/var/lib/postgresql/data",
  /** One level below the mount, so that a `lost+found` beside it is no obstacle to initdb. */
  pgdata: "/var/lib/postgresql/data/pgdata",
  caddyfile: "/etc/caddy/Caddyfile",
  verifier: "/berth/verify.mjs",
  expectations: "/berth/expect.json",
} as const;

export const REDIS_PORT = 6379;
export const POSTGRES_PORT = 5432;
/** Where Caddy answers its own health check, on the container's loopback only. */
export const PROXY_HEALTH_PORT = 2015;

/** Absolute paths on the host that the Compose file mounts. */
export interface Sources {
  readonly redisConf: string;
  /** Certificate of a managed Redis's authority; null where Node.js trusts it already, and for Berth's own Redis. */
  readonly redisCa: string | null;
  readonly caddyfile: string;
  readonly expectations: string;
  readonly verifier: string;
  /** `requirepass …`, readable by Redis. */
  readonly redisAuth: string;
  /** The bare password, readable by Redis: for its health check. */
  readonly redisPassword: string;
  /** The bare password, readable by Postgres. */
  readonly postgresPassword: string;
  /** File name under /run/secrets -> path on the host, readable by the application. */
  readonly app: Readonly<Record<string, string>>;
}
