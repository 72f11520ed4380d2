import * as pulumi from "@pulumi/pulumi";
import { parseConfig } from "./faults.ts";
import type { Config } from "./schema.ts";
import { fromStack } from "./stack.ts";

/** The one place that knows how Pulumi stores configuration. */

const PREFIX = "berth:";

/**
 * Read the stack's configuration once: every key under `berth:`, validated, defaulted and frozen. All keys rather than those
 * of the schema, so that a misspelt section is a fault and not a silence.
 * @throws {ConfigError} with one message that lists every fault, which Pulumi shows without a stack trace.
 */
export function loadConfig(): Config {
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(PREFIX));
  return parseConfig(fromStack(Object.fromEntries(own.map(([key, value]) => [key.slice(PREFIX.length), value]))));
}
