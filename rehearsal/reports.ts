import { z } from "zod";
import { Secret } from "../src/config/secret.ts";
import type { Report } from "../src/verify/types.ts";

/** The in-process engine gives a secret output as a `Secret`, the real one as it is. */
export function parseReports(output: unknown): { release: Report; outside: Report } {
  const { release, outside } = z.object({ release: z.string(), outside: z.string() }).parse(output instanceof Secret ? JSON.parse(output.reveal()) : output);
  return { release: JSON.parse(release) as Report, outside: JSON.parse(outside) as Report };
}
