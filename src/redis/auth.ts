/** The included file with the password. */

/** A Redis string in double quotes: bytes outside printable ASCII, quotes and backslashes are escaped. */
function quoted(value: string): string {
  const escaped = [...Buffer.from(value, "utf8")].map((byte) => {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === "\\") return `\\${character}`;
    return byte >= 0x20 && byte <= 0x7e ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `"${escaped.join("")}"`;
}

/** Text of redis-auth.conf. Secret. */
export function redisAuth(password: string): string {
  return `requirepass ${quoted(password)}\n`;
}
