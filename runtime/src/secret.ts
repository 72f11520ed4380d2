import { readFileSync } from "node:fs";

/**
 * A secret by the convention of the official images: `NAME_FILE` names a file that holds it, and `NAME` holds it itself.
 * The file wins: what is in an environment can be read by `docker inspect`.
 * @returns undefined when neither is set
 * @throws when it is set and blank, and when the file is named and cannot be read; the message never holds the secret
 */
export function readSecret(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const path = env[`${name}_FILE`];
  if (path === undefined || path === "") return env[name] === undefined ? undefined : notBlank(env[name], name, name);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`read the secret ${name}: a readable file is required at ${name}_FILE=${path}: ${reason}`, { cause: error });
  }
  return notBlank(text.replace(/\r?\n$/, ""), name, `${name}_FILE=${path}`);
}

/** A blank secret is a mistake of whoever set it, and fails far from here: as a refused sign-in. */
function notBlank(text: string, name: string, source: string): string {
  if (text.trim() === "") throw new Error(`read the secret ${name}: a value is required, found a blank one at ${source}; write the secret there, or unset it`);
  return text;
}
