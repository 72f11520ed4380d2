import { closeSync, openSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HEARTBEAT_TTL_SECONDS } from "./heartbeat.ts";

/** The file that says when the worker last reached Redis. In /tmp: the only place a read-only container can write. */
function healthFile(env: NodeJS.ProcessEnv): string {
  return env["BERTH_HEALTH_FILE"] ?? join(tmpdir(), "berth-worker-alive");
}

/** Note that the worker lives; give it to the heartbeat as `onBeat`. */
export function touchHealth(env: NodeJS.ProcessEnv = process.env): void {
  const path = healthFile(env);
  closeSync(openSync(path, "a"));
  const now = new Date();
  utimesSync(path, now, now);
}

/**
 * Whether the worker of this container lives, for its health check: the last beat is younger than the heartbeat's time to
 * live. Reads a file and opens no connection: a check every few seconds must not cost Redis one each time.
 */
export function workerHealth(env: NodeJS.ProcessEnv = process.env, maxAgeMs: number = HEARTBEAT_TTL_SECONDS * 1000): { alive: boolean; reason: string } {
  const path = healthFile(env);
  try {
    const age = Date.now() - statSync(path).mtimeMs;
    const seconds = Math.round(age / 1000);
    return age <= maxAgeMs
      ? { alive: true, reason: `last beat ${seconds} s ago` }
      : { alive: false, reason: `a beat within ${maxAgeMs / 1000} s is required, the last was ${seconds} s ago` };
  } catch {
    return { alive: false, reason: `no beat yet (${path} is missing): the worker has not reached Redis` };
  }
}
