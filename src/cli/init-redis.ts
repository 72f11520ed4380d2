import { valueAt } from "../config/issues.ts";
import { CommandError } from "./command.ts";
import { secretStep, type Settings, type Step } from "./init-plan.ts";
import type { Asker } from "./terminal.ts";

/** Whose Redis a stack has, by what was told: a plan's connections mean a provider's, and an empty text goes back to Berth's own. */

/** Setting by which a managed Redis is told. */
export const PLAN = "redis.managed.connections";

/** Whether the stack's Redis is a provider's once these settings are written. */
export function isManagedAfter(settings: Settings, input: unknown, env: NodeJS.ProcessEnv): boolean {
  if (settings[PLAN] === "") return false;
  return settings[PLAN] !== undefined || (env["BERTH_REDIS_URL"] ?? "") !== "" || valueAt(input, ["secrets", "redisUrl"]) !== undefined;
}

/** The secret that it needs, and the one that means nothing any more. A URL that the stack has is kept, unless another is told. */
export async function redisSteps(managed: boolean, input: unknown, { asker, env }: { readonly asker: Asker | undefined; readonly env: NodeJS.ProcessEnv }): Promise<Step[]> {
  const has = (name: string): boolean => valueAt(input, ["secrets", name]) !== undefined;
  if (!managed) return has("redisUrl") ? [withdrawn("redisUrl")] : [];
  const told = env["BERTH_REDIS_URL"] ?? "";
  const url = told !== "" || has("redisUrl") ? told : ((await asker?.askSecret("URL of the managed Redis, rediss://USER:PASSWORD@HOST:PORT")) ?? "");
  if (url === "" && !has("redisUrl")) throw new CommandError("a managed Redis: required its URL in BERTH_REDIS_URL, or on being asked; found none; export it (rediss://USER:PASSWORD@HOST:PORT), then run this again");
  return [
    ...(url === "" || url === valueAt(input, ["secrets", "redisUrl"]) ? [] : [secretStep("secrets.redisUrl", url, "stored")]),
    ...(has("redisPassword") ? [withdrawn("redisPassword")] : []),
  ];
}

function withdrawn(name: "redisUrl" | "redisPassword"): Step {
  const why = name === "redisUrl" ? "Redis is Berth's own again" : "Redis is a provider's";
  return { says: `berth:secrets.${name} taken out: ${why}`, args: ["config", "rm", "--path", `berth:secrets.${name}`] };
}
