/** How Pulumi marks a secret on the wire (sdk/nodejs/runtime/rpc: specialSigKey, specialSecretSig). */
const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
/** Shorter values would blank out ordinary text. */
const SHORTEST_REDACTED = 6;
/** Lines of a key are secret each; `-----BEGIN` and short ones are not. */
const SHORTEST_REDACTED_LINE = 16;

/** Take the wrapping off, at any depth. */
export function unwrapSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapSecrets);
  if (typeof value !== "object" || value === null) return value;
  if (isWrapped(value)) return unwrapSecrets(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unwrapSecrets(inner)]));
}

/** True when the value is a secret, or holds one. */
export function holdsSecret(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return isWrapped(value) || Object.values(value).some(holdsSecret);
}

function isWrapped(value: object): value is { value: unknown } {
  return SIGNATURE_KEY in value && value[SIGNATURE_KEY] === SECRET_SIGNATURE && "value" in value;
}

/** Replaces every secret of the configuration in a text by `[secret]`, as the real engine does in its output. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const needles = [...new Set(secrets.flatMap(forms))].toSorted((a, b) => b.length - a.length);
  return (text) => needles.reduce((rest, needle) => rest.replaceAll(needle, "[secret]"), text);
}

function forms(secret: string): string[] {
  const lines = secret.split("\n").filter((line) => line.length >= SHORTEST_REDACTED_LINE && !line.startsWith("-----"));
  const whole = [secret, secret.trim(), JSON.stringify(secret).slice(1, -1), ...leaves(secret)].filter((form) => form.length >= SHORTEST_REDACTED);
  return [...whole, ...(secret.trim().includes("\n") ? lines : [])];
}

/** A structured setting is JSON: each text in it is a secret of its own. */
function leaves(secret: string): string[] {
  if (!secret.startsWith("{") && !secret.startsWith("[")) return [];
  try {
    return strings(JSON.parse(secret));
  } catch {
    return [];
  }
}

function strings(value: unknown): string[] {
  if (typeof value === "string") return [value, ...value.split("\n").filter((line) => line.length >= SHORTEST_REDACTED_LINE && !line.startsWith("-----"))];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}
