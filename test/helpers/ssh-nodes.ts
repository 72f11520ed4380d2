import type { AddressInfo } from "node:net";
import ssh2, { type Connection, type ServerChannel } from "ssh2";
import { generateSecrets } from "../../src/config/generate.ts";
import { publicKey } from "../../src/config/keys.ts";
import { Secret } from "../../src/config/secret.ts";
import type { SshTarget } from "../../src/ssh.ts";

/** What a node says to a command; the address is null on the first one. A promise: the command takes that long. */
export type Answer = (address: string | null, command: string) => Promise<{ readonly code?: number; readonly out?: string }>;

async function answered(channel: ServerChannel, answer: ReturnType<Answer>): Promise<void> {
  channel.resume();
  const { code = 0, out = "" } = await answer;
  channel.write(out);
  channel.exit(code);
  channel.end();
}

/**
 * Nodes that speak SSH in this process, the others reached through the first one, as by its private network.
 * @param joined whether the first one is in that network by now; it is unless given
 */
export async function sshNodes(answer: Answer, joined: () => boolean = () => true): Promise<{ first: SshTarget; close: () => Promise<void> }> {
  const { deployKey, hostKey } = generateSecrets();
  const serverFor = (address: string | null): ssh2.Server => new ssh2.Server({ hostKeys: [hostKey] }, (client: Connection) => {
    client.on("error", () => undefined);
    client.on("authentication", (context) => context.accept());
    client.on("tcpip", (accept, reject, { destIP }) => { if (joined()) serverFor(destIP).injectSocket(accept() as never); else reject(); });
    client.on("session", (accept) => accept().on("exec", (take, _reject, { command }) => void answered(take(), answer(address, command))));
  });
  const server = serverFor(null);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    first: { host: "127.0.0.1", port, user: "deploy", privateKey: deployKey, hostKey: publicKey(new Secret(hostKey)) },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
