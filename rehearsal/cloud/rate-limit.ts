/** Hetzner's budget for one project: 3600 requests, refilled at one a second. */
export const REQUESTS_PER_HOUR = 3600;

/** A bucket that refills steadily. `now` is in milliseconds. */
export class RateLimit {
  readonly limit: number;
  #left: number;
  #refilledAt: number;

  constructor(limit: number, now: number) {
    this.limit = limit;
    this.#left = limit;
    this.#refilledAt = now;
  }

  /** Take one request out; false when none is left. */
  take(now: number): boolean {
    this.#left = Math.min(this.limit, this.#left + ((now - this.#refilledAt) / 3_600_000) * this.limit);
    this.#refilledAt = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** The three headers that every answer carries; `RateLimit-Reset` is when the bucket is full again, in Unix seconds. */
  headers(now: number): Record<string, string> {
    const secondsToFull = ((this.limit - this.#left) / this.limit) * 3600;
    return {
      "RateLimit-Limit": String(this.limit),
      "RateLimit-Remaining": String(Math.floor(this.#left)),
      "RateLimit-Reset": String(Math.ceil(now / 1000 + secondsToFull)),
    };
  }
}
