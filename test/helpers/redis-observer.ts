import { Redis } from "ioredis";

/** A connection of the test's own, by which it sees what the application's connections are, without the application's word. */
export class RedisObserver {
  readonly redis: Redis;

  constructor(url: string) {
    // Must answer while Redis loads, and stay when Redis restarts.
    this.redis = new Redis(url, { enableReadyCheck: false, retryStrategy: () => 50, maxRetriesPerRequest: null });
    this.redis.on("error", () => undefined);
  }

  /** Names of all connections but this one, sorted. */
  async names(): Promise<string[]> {
    const own = String(await this.redis.client("ID"));
    return (await this.list()).filter((client) => client["id"] !== own).map((client) => client["name"] ?? "").toSorted();
  }

  async list(): Promise<Record<string, string>[]> {
    const text = String(await this.redis.client("LIST"));
    return text.trim().split("\n").map((line) => Object.fromEntries(line.split(" ").map((field) => field.split(/=(.*)/s).slice(0, 2) as [string, string])) as Record<string, string>);
  }

  /** Connections accepted since the server started, its own included. */
  async accepted(): Promise<number> {
    return Number(await this.info("stats", "total_connections_received"));
  }

  async loading(): Promise<boolean> {
    return (await this.info("persistence", "loading")) === "1";
  }

  close(): void {
    this.redis.disconnect();
  }

  private async info(section: string, field: string): Promise<string> {
    const text = await this.redis.info(section);
    return new RegExp(`^${field}:(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
  }
}
