import { type Here, firstOf } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { publishedPrivately } from "./between.ts";
import type { Service } from "./model.ts";
import { HARDENED, healthcheck, limits, longRunning, mount, readOnly, user } from "./parts.ts";
import { DATA, INSIDE, type Sources } from "./paths.ts";

/** Redis needs to write out its last buffer and fsync; seconds on a busy disk. */
export const REDIS_GRACE_SECONDS = 30;

/**
 * Redis with `appendonly yes` reads only the append-only file. Started on a directory that holds nothing but a dump, it comes up
 * empty and writes an empty append-only file over the past (measured on 7.0 and 8.0). So the container refuses to begin.
 */
const GUARD = `if [ -e /data/dump.rdb ] && ! ls /data/appendonlydir/*.manifest >/dev/null 2>&1; then
  echo "berth: Redis not started: dump.rdb is there without an append-only file; with appendonly yes Redis would ignore it and begin empty." >&2
  echo "berth: copy it to appendonlydir/appendonly.aof.1.base.rdb, write 'file appendonly.aof.1.base.rdb seq 1 type b' to appendonlydir/appendonly.aof.manifest, move it away." >&2
  exit 1
fi
umask 077
exec "$@"
`;

/**
 * `redis-cli ping` exits 0 on LOADING, NOAUTH, a wrong password and MISCONF: only the word PONG is an answer. The password
 * comes from the mounted file into the environment of this one process, never into arguments.
 */
const HEALTH = `REDISCLI_AUTH="$(cat ${INSIDE.redisPassword})" timeout 3 redis-cli ping | grep -qx PONG`;

export function redis(config: Config, sources: Sources, here: Here = firstOf(config)): Service {
  const { image, uid, memoryMb, cpuShares, loadSeconds } = config.redis;
  return {
    image,
    // The image's own entry point is passed over: it would change owners as root, and load every module it finds.
    entrypoint: ["/bin/sh", "-euc", GUARD, "redis-guard"],
    // `--save ""` here too: an RDB snapshot forks, and no edit of redis.conf alone shall bring it back.
    command: ["redis-server", INSIDE.redisConf, "--save", ""],
    user: user(uid),
    networks: ["backend"],
    ...publishedPrivately(here, config, "redis"),
    volumes: [
      readOnly(sources.redisConf, INSIDE.redisConf),
      readOnly(sources.redisAuth, INSIDE.redisAuth),
      readOnly(sources.redisPassword, INSIDE.redisPassword),
      mount(DATA.redis, "/data"),
    ],
    healthcheck: healthcheck(["CMD-SHELL", HEALTH], loadSeconds),
    ...longRunning(REDIS_GRACE_SECONDS),
    ...limits({ memoryMb, cpuShares }),
    ...HARDENED,
  };
}
