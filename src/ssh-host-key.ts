/** What answers on an SSH port: its ed25519 host key in base64, or why there is none. */
export type Met = { readonly key: string } | { readonly key: undefined; readonly why: string };

/** For the handshake; a machine that drops packets answers nothing at all. */
const TIMEOUT_MS = 10_000;

/** Ask for the host key and hang up before anything is said: no user is named, no key is offered. */
export async function hostKeyAt(host: string, port = 22): Promise<Met> {
  const { Client } = await import("ssh2");
  return await new Promise((resolve) => {
    const client = new Client();
    let key: string | undefined;
    const settle = (met: Met): void => {
      clearTimeout(timer);
      client.destroy();
      resolve(met);
    };
    const timer = setTimeout(() => settle({ key: undefined, why: `no answer within ${TIMEOUT_MS / 1000} s` }), TIMEOUT_MS);
    client.on("error", (error) => settle(key === undefined ? { key, why: error.message } : { key }));
    client.on("close", () => settle(key === undefined ? { key, why: "the connection was closed before a key was shown" } : { key }));
    client.connect({
      host,
      port,
      username: "-",
      algorithms: { serverHostKey: ["ssh-ed25519"] },
      hostVerifier: (shown: Buffer): boolean => {
        key = shown.toString("base64");
        // Refused in any case: that ends the handshake here.
        return false;
      },
    });
  });
}
