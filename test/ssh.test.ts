import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import ssh2 from "ssh2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generateSecrets } from "../src/config/generate.ts";
import { publicKey } from "../src/config/keys.ts";
import { Secret } from "../src/config/secret.ts";
import { runOverSsh, type SshTarget, Unreachable } from "../src/ssh.ts";
import { sessionOverSsh, type Streams } from "../src/ssh-session.ts";
import { dial, runOn } from "../src/ssh-streams.ts";

/** Against ssh2's own server, in this process: what comes over the wire is cut where a test wants it. */

const { deployKey, hostKey } = generateSecrets();
const TEXT = "Zahlung für Käufer 日本\n";
let target: SshTarget;

const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
  client.on("error", () => undefined);
  client.on("authentication", (context) => { context.accept(); });
  client.on("session", (accept) => accept().on("exec", (begin, _, { command }) => {
    const channel = begin();
    if (command === "cut") {
      channel.stderr.write("rollback: going back\n");
      setTimeout(() => { client.end(); }, 50);
    } else if (command === "killed") {
      channel.exit("TERM");
      channel.end();
    } else {
      const whole = Buffer.from(TEXT);
      // Within the ü.
      const at = whole.indexOf("ü") + 1;
      channel.write(whole.subarray(0, at));
      setTimeout(() => {
        channel.write(whole.subarray(at));
        channel.exit(0);
        channel.end();
      }, 50);
    }
  }));
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  target = { host: "127.0.0.1", port: (server.address() as AddressInfo).port, user: "deploy", privateKey: deployKey, hostKey: publicKey(new Secret(hostKey)) };
});
afterAll(() => { server.close(); });

async function onOpenConnection(command: string) {
  const client = await dial(target, { readyMs: 5_000 });
  try {
    return await runOn(client, command);
  } finally {
    client.end();
  }
}

test("a character that two pieces share is one character", async () => {
  const shown: string[] = [];
  expect(await runOverSsh(target, "text", { onStdout: (more) => shown.push(more) })).toEqual({ code: 0, stdout: TEXT, stderr: "" });
  expect(shown.join("")).toBe(TEXT);
  expect((await onOpenConnection("text")).stdout).toBe(TEXT);
});

test("a command that a signal ended has a shell's exit code for it", async () => {
  expect((await runOverSsh(target, "killed")).code).toBe(143);
  expect((await onOpenConnection("killed")).code).toBe(143);
});

test("a connection that is lost during a command is no exit code of the command's", async () => {
  const lost = await runOverSsh(target, "cut").catch((error: unknown) => error);
  expect(lost).toBeInstanceOf(Unreachable);
  expect(String(lost)).toBe("Unreachable: session on 127.0.0.1: the connection was lost before the command ended, which may go on there; look at: berth status");
  await expect(onOpenConnection("cut")).rejects.toThrow("the connection was lost before the command ended");
});

test("standard input from a file, such as /dev/null", async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await sessionOverSsh(target, "text", { stdin: createReadStream("/dev/null"), stdout, stderr } as unknown as Streams);
  stdout.end();
  expect([code, await text(stdout)]).toEqual([0, TEXT]);
});

test("berth | head ends like a program that SIGPIPE ended, without a word", async () => {
  const child = spawn(process.execPath, ["src/cli/bin.mjs", "--help"], { cwd: new URL("..", import.meta.url), stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (more: string) => { said += more; });
  child.stdout.destroy();
  expect([(await once(child, "close"))[0], said]).toEqual([141, ""]);
});
