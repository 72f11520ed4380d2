import { randomBytes } from "node:crypto";
import { z } from "zod";

const loggingSchema = z.enum(["stdout", "stderr", "stdoutAndStderr", "none"]).optional();

/** The provider's ids of commands: the name and eight hex digits. */
export function commandId(name: string): string {
  return `${name}${randomBytes(4).toString("hex")}`;
}

/** What a command takes wherever it runs. */
export const commandInputs = {
  create: z.string().optional(),
  update: z.string().optional(),
  delete: z.string().optional(),
  stdin: z.string().optional(),
  triggers: z.array(z.unknown()).optional(),
  logging: loggingSchema,
  addPreviousOutputInEnv: z.boolean().optional(),
};
