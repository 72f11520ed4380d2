import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { awaitHost } from "../../src/resources/reach.ts";
import { Sshd, sshdMissing } from "../rehearsal/engine/sshd.ts";

describe.skipIf(sshdMissing !== undefined)(`waiting for a host${sshdMissing === undefined ? "" : `, skipped: ${sshdMissing}`}`, () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await Sshd.start();
  });
  afterAll(() => sshd.stop());

  test("ends at once when the pinned key is shown, and signs in as nobody", async () => {
    const said: string[] = [];
    await awaitHost({ address: "127.0.0.1", port: sshd.port, hostKey: sshd.read("host.pub"), say: (line) => said.push(line) });
    expect(said).toEqual([]);
    expect(sshd.signIns).toBe(0);
  });

  test("another key is an error at once, not something to try again", async () => {
    const wait = awaitHost({ address: "127.0.0.1", port: sshd.port, hostKey: sshd.read("client.pub"), say: () => undefined });
    await expect(wait).rejects.toThrow(/^connect to 127\.0\.0\.1: the pinned host key is required, found another \(AAAA/);
  });

  test("a host that is late is waited for, and the wait is told", async () => {
    const late = await Sshd.prepare();
    try {
      const said: string[] = [];
      const wait = awaitHost({ address: "127.0.0.1", port: late.port, hostKey: late.read("host.pub"), say: (line) => said.push(line) });
      await expect.poll(() => said).toEqual([expect.stringMatching(/^waiting for sshd on 127\.0\.0\.1, 0 s of at most 300 s: .*ECONNREFUSED/)]);
      await late.listen();
      await wait;
    } finally {
      late.stop();
    }
  });

  test("a host that never answers ends the wait with what to do", async () => {
    const never = await Sshd.prepare();
    try {
      await expect(awaitHost({ address: "127.0.0.1", port: never.port, hostKey: never.read("host.pub"), say: () => undefined, boundSeconds: 1 }))
        .rejects.toThrow(/an answer of sshd is required within 1 s, found .*ECONNREFUSED.*console in Hetzner's web interface/);
    } finally {
      never.stop();
    }
  });
});
