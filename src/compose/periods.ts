import { isManaged } from "../config/managed.ts";
import type { Config } from "../config/schema.ts";
import { POSTGRES_GRACE_SECONDS, POSTGRES_START_SECONDS } from "./postgres.ts";
import { PROXY_GRACE_SECONDS } from "./proxy.ts";
import { REDIS_GRACE_SECONDS } from "./redis.ts";

/** Bounds on whole steps, summed from the periods of the services, in seconds. */

/** For what Compose itself does between the containers, on a busy host. */
const SLACK_SECONDS = 30;

/** Longest that a `compose stop` in order takes: the proxy, then the application, then the stores. */
export function stopSeconds(config: Config): number {
  const application = Math.max(config.api.stopGraceSeconds, config.worker.stopGraceSeconds);
  return PROXY_GRACE_SECONDS + application + Math.max(REDIS_GRACE_SECONDS, POSTGRES_GRACE_SECONDS) + SLACK_SECONDS;
}

/** Longest that a `compose up --wait` takes: old containers stop, the stores load, the application becomes ready. */
export function waitSeconds(config: Config): number {
  const load = isManaged(config) ? 0 : config.redis.loadSeconds;
  return stopSeconds(config) + Math.max(load, POSTGRES_START_SECONDS) + config.app.startupSeconds;
}

/** A release is ended after this long under the lock, in seconds: HOLD_SECONDS of server/lock.sh. */
export const RELEASE_SECONDS = 5_400;

/** For an image that comes slowly: what server/images.sh gives one. */
const FETCH_SECONDS = 900;

/** What a release leaves for its migration, in seconds, when all else takes as long as it may: fetching, the start, the verification, and the way back. */
export function migrationRoomSeconds(config: Config): number {
  return RELEASE_SECONDS - FETCH_SECONDS - 2 * waitSeconds(config) - verifySeconds(config);
}

/** Longest that a verification takes: the settle window, then a canary job per queue and the rest of the checks. */
export function verifySeconds(config: Config): number {
  return config.verify.settleSeconds + 90;
}
