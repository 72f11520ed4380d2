import type { Redis } from "ioredis";

/** Stand-in for the runtime's own until that is there. */
export async function waitForRedisReady(client: Redis, { timeout }: { timeout: number }): Promise<void> {
  const deadline = Date.now() + timeout;
  let last = "Redis connection timed out";
  while (Date.now() < deadline) {
    try {
      const answer = await client.ping();
      if (answer === "PONG" && /^loading:0\r?$/m.test(await client.info("persistence"))) return;
      last = answer;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
      if (/WRONGPASS|NOAUTH/.test(last)) break;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Redis connection failed: ${last}`);
}
