import { connect } from "node:net";

/** Whether something on this machine answers at a port, over IPv4 or IPv6. */
export async function inUse(port: number): Promise<boolean> {
  const answers = await Promise.all(["127.0.0.1", "::1"].map((host) => answersAt(host, port, 1_000)));
  return answers.includes(true);
}

/** Whether somebody accepts a connection within `timeout` milliseconds. */
export function answersAt(host: string, port: number, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => finish(true));
    socket.once("timeout", () => finish(false));
    socket.once("error", () => finish(false));
  });
}

/** What needs a port, and the option that gives it another. */
export interface Wanted {
  readonly what: string;
  readonly port: number;
  readonly option: string;
}

/** @throws {Error} naming every port that is taken, and what to do */
export async function requireFree(wanted: readonly Wanted[]): Promise<void> {
  const taken = (await Promise.all(wanted.map(async (it) => ((await inUse(it.port)) ? [it] : [])))).flat();
  if (taken.length === 0) return;
  const lines = taken.map(({ what, port, option }) => `${what}: port ${port} of this machine is required to be free, and something answers there; stop it, or choose another: npm run dev -- ${option}=${port + 1000}`);
  throw new Error(lines.join("\n"));
}
