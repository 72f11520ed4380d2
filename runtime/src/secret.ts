import { readFileSync } from "node:fs";

/**
 * A secret by the convention of the official images: `NAME_FILE` names a file that holds it, and `NAME` holds it itself.
 * The file wins: what is in an environment can be read by `docker inspect`.
 * @returns undefined when neither is set
 * @throws when the file is named and cannot be read
 */
export function readSecret(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const path = env[`${name}_FILE`];
  if (path === undefined || path === "") return env[name];
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`read the secret ${name}: a readable file is required at ${name}_FILE=${path}: ${reason}`, { cause: error });
  }
}
