import { z } from "zod";

/** What crosses the channel between `up.ts` and its child. Only this channel carries secrets: no argument, no environment. */
export const jobSchema = z.object({
  kind: z.literal("job"),
  programPath: z.string(),
  project: z.string(),
  stack: z.string(),
  config: z.record(z.string(), z.string()),
  secretKeys: z.array(z.string()),
  endpoint: z.string(),
  token: z.string(),
  stateFile: z.string(),
});

const outputSchema = z.object({ name: z.string(), secret: z.boolean(), value: z.unknown() });

export const countersSchema = z.object({
  created: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  sshConnections: z.number(),
});

export const reportSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  z.object({ kind: z.literal("log"), line: z.string() }),
  z.object({ kind: z.literal("done"), outputs: z.array(outputSchema), counters: countersSchema }),
  z.object({ kind: z.literal("failed"), message: z.string(), counters: countersSchema }),
]);

export type Job = z.infer<typeof jobSchema>;
export type Report = z.infer<typeof reportSchema>;
export type StackOutput = z.infer<typeof outputSchema>;
/** What one `up` did. Connections are those that were established; a dial that failed is none. */
export type Counters = z.infer<typeof countersSchema>;
