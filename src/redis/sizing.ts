/** How much of what Redis may have: the same in the settings' rules, in the checks and in the diagnosis. */

/** Memory of a Redis container that is not data: code, buffers, the AOF rewrite's own. In MiB. */
export const OVERHEAD_MB = 128;

/** The most `maxmemory` may be in a container with this limit, in the limit's unit: an AOF rewrite forks, and every page written meanwhile is held twice. */
export function maxmemoryLimit(limit: number, overhead: number): number {
  return Math.floor((limit - overhead) / 2);
}

/** Shares of maxmemory. At all of it `add` fails and workers cannot drain: the alarm must come long before (docs/verification.md). */
export const MEMORY_WARNS = 0.7;
export const MEMORY_FAILS = 0.85;

/** An AOF rewrite writes a second file beside the first; twice the file leaves room for the writes meanwhile. */
export const FREE_PER_AOF = 2;

/**
 * The longest fork, in microseconds. Redis's latency guide has 9 to 24 ms per GB on machines of today and 240 ms per GB on the worst virtual ones; half a
 * second means that every client waited that long.
 */
export const FORK_FAILS_US = 500_000;

/** Shares of a disk that are to be free: a volume's, and the root disk's, which holds images and logs, which are bounded: room for the images of one more release. */
export const VOLUME_FREE = 0.2;
export const ROOT_FREE = 0.1;
