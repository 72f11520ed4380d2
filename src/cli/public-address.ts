import { isIP } from "node:net";
import { CommandError } from "./command.ts";

/** Services that answer with the address a request came from, and nothing else. The second is asked when the first is silent. */
const SERVICES = ["https://checkip.amazonaws.com", "https://api.ipify.org"];
const SECONDS = 10;

/**
 * The public IPv4 address that this machine is seen with, as a range of one.
 * @throws {CommandError} when no service tells one
 */
export async function publicAddress(services: readonly string[] = SERVICES): Promise<string> {
  const found: string[] = [];
  for (const service of services) {
    try {
      const response = await fetch(service, { signal: AbortSignal.timeout(SECONDS * 1000) });
      const text = (await response.text()).trim();
      if (response.ok && isIP(text) === 4) return `${text}/32`;
      found.push(`${service}: ${response.status}, ${JSON.stringify(text.slice(0, 40))}`);
    } catch (error) {
      found.push(`${service}: ${error instanceof Error ? error.message : "no answer"}`);
    }
  }
  throw new CommandError(`finding this machine's public address: required an IPv4 address from one of ${services.length} services; found ${found.join("; ")}; give it as --source=ADDRESS/32`);
}
