import { USER_DATA_LIMIT } from "./budgets.ts";
import { ConfigError, pathText, type Fault } from "./fault.ts";
import { faultsOf, requirement } from "./issues.ts";
import { redact } from "./redact.ts";
import { repaired } from "./repair.ts";
import { sizeRules, type ServerSizes } from "./rules-size.ts";
import { contradictions, rules } from "./rules.ts";
import { configSchema, type Config } from "./schema.ts";
import { Secret } from "./secret.ts";
import { knownKeys } from "./shape.ts";

export { ConfigError, faultLine, type Fault } from "./fault.ts";
export type { ServerSize, ServerSizes } from "./rules-size.ts";

/**
 * Validate what a stack says under `berth:`, fill in the defaults and freeze the result.
 * With `size`, the limits are held against a real server too.
 * @throws {ConfigError} one message that lists every fault: those of single keys and those of keys together.
 */
export function parseConfig(input: unknown, size?: ServerSizes): Config {
  const whole = withSections(input);
  const result = configSchema.safeParse(whole, { error: requirement });
  const among = size === undefined ? rules : [...rules, ...sizeRules(size)];
  if (result.success) {
    const faults = contradictions(result.data, among);
    if (faults.length === 0) return deepFreeze(result.data);
    throw new ConfigError(redact(faults, input));
  }
  const { issues } = result.error;
  const faults = faultsOf(issues, whole, knownKeys);
  // An unknown key spoils nothing but itself; it is reported, and the rest is judged without it.
  const spoiled = issues.filter((issue) => issue.code !== "unrecognized_keys").map((issue) => pathText(issue.path));
  const rest = repaired(whole);
  if (rest !== undefined) faults.push(...contradictions(rest, among, spoiled));
  throw new ConfigError(redact(faults, input));
}

/** What a configuration promises that a server of this size does not have. */
export function sizeFaults(config: Config, size: ServerSizes): Fault[] {
  return contradictions(config, sizeRules(size));
}

/** @throws {ConfigError} when the configuration does not fit its servers. */
export function assertFits(config: Config, size: ServerSizes): void {
  const faults = sizeFaults(config, size);
  if (faults.length > 0) throw new ConfigError(faults);
}

/** Whether rendered user data is within what Hetzner takes. Counted in bytes of UTF-8. */
export function userDataFaults(text: string): Fault[] {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= USER_DATA_LIMIT) return [];
  return [{ path: "server (user data)", required: `at most ${USER_DATA_LIMIT} bytes of cloud-init user data, Hetzner's limit`, found: `${bytes} bytes` }];
}

/** Sections with required keys, so that a missing section is reported as the keys it should hold. */
function withSections(input: unknown): unknown {
  const isMap = typeof input === "object" && input !== null && !Array.isArray(input);
  return isMap ? { server: {}, app: {}, secrets: {}, ...input } : input;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !(value instanceof Secret) && !Object.isFrozen(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
