import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";

/** TLS to a Redis: what a `rediss://` URL leaves unsaid, and what its failures mean. */

/**
 * Options for a TLS connection to `host`: the certificate is checked, whatever the environment says of others, and must be for
 * REDIS_SERVER_NAME or else for the host. With REDIS_CA_FILE only that file's authorities are trusted, else those Node.js trusts.
 * @throws when REDIS_CA_FILE is set and cannot be read
 */
export function tlsOptions(env: NodeJS.ProcessEnv, host: string): ConnectionOptions {
  const name = env["REDIS_SERVER_NAME"];
  const servername = name === undefined || name === "" ? host : name;
  const ca = authority(env["REDIS_CA_FILE"]);
  return {
    rejectUnauthorized: true,
    // Node.js sends no name unless told, and providers that route by it would not know whom is asked for. An address is none.
    ...(isIP(servername) === 0 ? { servername } : {}),
    ...(ca === undefined ? {} : { ca }),
  };
}

function authority(path: string | undefined): string | undefined {
  if (path === undefined || path === "") return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`connect to Redis: a readable certificate is required at REDIS_CA_FILE=${path}: ${reason}`, { cause: error });
  }
}

const UNTRUSTED = "its certificate is signed by no authority that is trusted here; name the provider's own by REDIS_CA_FILE";

/** By Node.js's code of the error. Waiting mends none of them. */
const FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired; the provider must renew it",
  CERT_REVOKED: "its certificate is revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_SIGNATURE_FAILURE: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name; the host of REDIS_URL must be one it names, or REDIS_SERVER_NAME",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS on this port; take its TLS port, or redis://",
};

/** What a TLS failure means and what to do about it; undefined for any other error, and for one that may pass. */
export function tlsFault(error: Error): string | undefined {
  const code = "code" in error ? String(error.code) : "";
  const said = FAULTS[code];
  return said === undefined ? undefined : `TLS: ${said} (${code})`;
}
