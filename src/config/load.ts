import * as pulumi from "@pulumi/pulumi";
import { ConfigError, parseConfig } from "./faults.ts";
import type { Config } from "./schema.ts";
import { fromStack } from "./stack.ts";

/** The one place that knows how Pulumi stores configuration. */

const PREFIX = "berth:";

/**
 * Read the stack's configuration once: every key under `berth:`, validated, defaulted and frozen.
 * @throws {pulumi.RunError} with one message that lists every fault, which Pulumi shows without a stack trace.
 */
export function loadConfig(): Config {
  const values = Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, value]) => [key.slice(PREFIX.length), value] as const);
  const input = fromStack(Object.fromEntries(values));
  try {
    return parseConfig(input);
  } catch (error) {
    if (error instanceof ConfigError) throw new pulumi.RunError(`the configuration of stack ${pulumi.getStack()} is refused:\n${error.message}`);
    throw error;
  }
}
