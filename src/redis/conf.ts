import type { Config } from "../config/schema.ts";
import { type RedisSettings, redisSettings, type Section, sections } from "./settings.ts";

/** redis.conf as text, and what `CONFIG GET` must answer when it is in force. */

function sectionText({ title, settings }: Section): string {
  const lines = settings.map(({ name, value, why }) => `# ${why}\n${name} ${value}\n`);
  return `## ${title}\n\n${lines.join("\n")}`;
}

/** Text of redis.conf: each line with its reason above it. The password is in a file of its own that this one includes. */
export function redisConf(settings: RedisSettings): string {
  const head = [
    "# Rendered by Berth (src/redis). The command line repeats `--save \"\"`.",
    settings.authFile === null ? "# Development: no password, and production's behaviour." : "# What is not here is Redis's default.",
  ];
  const password = settings.authFile === null ? [] : [
    `## Password\n\n# requirepass, in a file that only Redis can read. A missing file is an error, not a Redis without a password.\ninclude ${settings.authFile}\n`,
  ];
  return [`${head.join("\n")}\n`, ...sections(settings).map(sectionText), ...password].join("\n");
}

/** Parameter -> value, as `CONFIG GET` of Redis 7.0 and later shows the settings of this file. */
export function redisRunningConfig(config: Config): Record<string, string> {
  const all = sections(redisSettings(config, "-")).flatMap(({ settings }) => settings);
  return Object.fromEntries(all.map(({ name, value, running }) => [name, running ?? value]));
}
