/** Shorter ones are words: to take them out would make holes in the text and hide nothing. */
const SHORTEST = 6;

/** The text without any of the secrets, in the form they have inside JSON too. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= SHORTEST)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .reduce((clean, secret) => clean.replaceAll(secret, "[secret]"), text);
}
