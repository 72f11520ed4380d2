import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { capture, commandFailure, type Logging } from "../../../rehearsal/engine/capture.ts";
import { CANCELLED } from "../../../rehearsal/engine/engine.ts";
import { failureText } from "../../../rehearsal/engine/run.ts";
import { holdsSecret, redactor, unwrapSecrets } from "../../../rehearsal/engine/secrets.ts";
import { dial } from "../../../rehearsal/engine/ssh.ts";
import { State } from "../../../rehearsal/engine/state.ts";

const wrapped = (value: unknown): object => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value });

describe("secrets", () => {
  test("are unwrapped at any depth, and seen where they are", () => {
    const value = { a: [wrapped({ b: wrapped("x") })], c: 1, d: null };
    expect(unwrapSecrets(value)).toEqual({ a: [{ b: "x" }], c: 1, d: null });
    expect(holdsSecret(value)).toBe(true);
    expect(holdsSecret({ a: [{ b: "x" }] })).toBe(false);
  });

  test("are redacted whole, by line, as JSON text and inside a structured setting; short ones and key headers are not", () => {
    const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\nQyNTUxOQAAACBV\n-----END OPENSSH PRIVATE KEY-----\n";
    const redact = redactor([key, "hunter22", "abc", JSON.stringify({ app: { TOKEN: "planted-token" } })]);
    expect(redact("line b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE of it")).toBe("line [secret] of it");
    expect(redact(JSON.stringify(key))).toBe('"[secret]"');
    expect(redact("hunter22 abc planted-token")).toBe("[secret] abc [secret]");
    expect(redact("-----BEGIN OPENSSH PRIVATE KEY-----")).toBe("-----BEGIN OPENSSH PRIVATE KEY-----");
  });
});

describe("failureText", () => {
  const failure = { subject: "web (hcloud:Server)", message: "no stock" };

  test("tells a failed resource once, whatever follows from it", () => {
    const echo = "Error: failed to register new resource web [hcloud:index/server:Server]: no stock\n    at …";
    expect(failureText([failure], new Error(`x: no stock`), [echo, echo, `Error: ${CANCELLED}`], false)).toBe("web (hcloud:Server): no stock");
  });

  test("keeps what is another fault", () => {
    expect(failureText([failure], undefined, ["TypeError: x is undefined", "TypeError: x is undefined"], false)).toBe("web (hcloud:Server): no stock\nTypeError: x is undefined");
  });

  test("of a success is nothing; an interrupt is called so", () => {
    expect(failureText([], undefined, [], false)).toBeUndefined();
    expect(failureText([failure], undefined, [], true)).toBe("interrupted");
  });
});

async function run(logging: Logging | undefined): Promise<{ said: string[]; stdout: string; both: string }> {
  const said: string[] = [];
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const output = capture(streams, logging, (line) => said.push(line));
  streams.stdout.write("one\nt");
  streams.stdout.write("wo\n");
  streams.stderr.end("err");
  streams.stdout.end("\n");
  await Promise.all([finished(streams.stdout), finished(streams.stderr)]);
  return { said, stdout: output.stdout(), both: output.both() };
}

describe("capture", () => {
  test.each([
    [undefined, ["one", "two", "err", ""]], ["stdoutAndStderr", ["one", "two", "err", ""]], ["stdout", ["one", "two", ""]], ["stderr", ["err"]], ["none", []],
  ] as const)("with logging %s says %j", async (logging, expected) => {
    const { said, stdout } = await run(logging);
    expect(said).toHaveLength(expected.length);
    expect(said).toEqual(expect.arrayContaining([...expected]));
    // One newline at the end is taken off, as the provider does.
    expect(stdout).toBe("one\ntwo\n");
  });

  test("keeps both for an error", async () => {
    const { both } = await run("none");
    expect(commandFailure("exit status 1", "x \"y\"", both).message).toMatch(/^exit status 1: running "x \\"y\\"":\n/);
    expect(both).toContain("one\ntwo\n");
    expect(both).toContain("err");
  });
});

describe("dial", () => {
  const options = { signal: new AbortController().signal, say: () => undefined };

  test("gives up after the limit, in the provider's words", async () => {
    // Port 9 (discard) of the loopback interface: nobody listens.
    await expect(dial({ host: "127.0.0.1", port: 9, dialErrorLimit: 2 }, options)).rejects.toThrow("after 2 failed attempts: dial 127.0.0.1:9: connect ECONNREFUSED");
  });

  test("without a limit ends by its signal", async () => {
    const signal = AbortSignal.timeout(400);
    await expect(dial({ host: "127.0.0.1", port: 9, dialErrorLimit: -1 }, { ...options, signal })).rejects.toThrow(/abort|interrupted/i);
  });

  test("refuses a pin it cannot read", async () => {
    await expect(dial({ host: "127.0.0.1", port: 9, hostKey: "nonsense" }, options)).rejects.toThrow("failed to parse host key: an ed25519, RSA or ECDSA public key is required, found 'nonsense'");
  });
});

test("State sees changes, whatever the order of keys, and survives a new process", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-state-"));
  try {
    const file = join(directory, "state.json");
    const state = new State(file);
    const digests = state.digests({ a: { x: 1, y: [2] }, b: "s" });
    expect(state.digests({ b: "s", a: { y: [2], x: 1 } })).toEqual(digests);
    expect(state.digests({ a: { x: 1, y: [3] } })["a"]).not.toBe(digests["a"]);
    state.set("urn", { type: "t", id: "1", inputs: digests, outputs: { stdout: "x" } });
    const again = new State(file);
    expect(again.get("urn")).toEqual({ type: "t", id: "1", inputs: digests, outputs: { stdout: "x" } });
    expect(again.digests({ b: "s" })["b"]).toBe(digests["b"]);
    expect(new State(join(directory, "other.json")).digests({ b: "s" })["b"]).not.toBe(digests["b"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
