import { randomBytes } from "node:crypto";
import { z } from "zod";

export const loggingSchema = z.enum(["stdout", "stderr", "stdoutAndStderr", "none"]).optional();

/** The provider's ids of commands: the name and eight hex digits. */
export function commandId(name: string): string {
  return `${name}${randomBytes(4).toString("hex")}`;
}
