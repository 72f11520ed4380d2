import { type Docker } from "../docker/docker.ts";
import type { Log } from "../docker/exec.ts";

/** A registry that answers shows its first line well within this. */
const FIRST_ANSWER_MS = 8_000;
const PULL_TIMEOUT_MS = 600_000;

/** Once a registry did not answer it is not asked again in this process. */
let silent = false;

/** Pull an image by the daemon's own ways (mirrors, proxies). False when its registry does not answer soon, or refuses. */
export async function tryPull(docker: Docker, reference: string, log: Log): Promise<boolean> {
  if (silent) return false;
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), FIRST_ANSWER_MS);
  try {
    const result = await docker.attempt(["pull", reference], {
      timeoutMs: PULL_TIMEOUT_MS,
      signal: giveUp.signal,
      onLine: (line) => {
        // "8.0: Pulling from library/redis" comes once the registry has answered.
        if (line.includes("Pulling from")) clearTimeout(timer);
      },
    });
    if (result.code === 0) return true;
    log(`${reference} cannot be pulled: ${result.stderr.trim().split("\n").at(-1) ?? ""}`);
  } catch {
    log(`${reference} cannot be pulled: no answer within ${FIRST_ANSWER_MS / 1000} s`);
  } finally {
    clearTimeout(timer);
  }
  silent = true;
  return false;
}
