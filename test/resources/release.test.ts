import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { extendMonitor } from "../../rehearsal/engine/monitor.ts";
import { parseConfig } from "../../src/config/faults.ts";
import { deploy } from "../../src/resources/deploy.ts";
import { provision } from "../../src/resources/machines.ts";
import { spoilt } from "../config/good.ts";

/** Standard input of the release's command: what makes it run again. */
async function stdinWith(changes: Readonly<Record<string, unknown>>): Promise<unknown> {
  let stdin: unknown;
  extendMonitor();
  await pulumi.runtime.setMocks({
    newResource: ({ name, type, inputs }) => {
      const given = inputs as Record<string, unknown>;
      if (type === "command:remote:Command" && name === "release") stdin = given["stdin"];
      return { id: "1000", state: { ...given, ipAddress: "192.0.2.10", stdout: name === "release" ? `{"verdict":"pass","checks":[]}` : "laid down" } };
    },
    call: ({ token }) => { throw new Error(`the program asked for ${token}`); },
  }, "berth", "prod", false);
  await pulumi.runtime.runInPulumiStack(() => {
    const config = parseConfig(spoilt(changes));
    deploy(config, provision(config), { verifier: { text: "", digest: "0".repeat(64) }, scripts: {} });
    return Promise.resolve();
  });
  await pulumi.runtime.disconnect();
  return stdin;
}

test("the release runs again after whatever a server is powered off for: what came up by itself is verified", async () => {
  const before = await stdinWith({});
  expect(before).toBe("laid down cx33");
  expect(await stdinWith({})).toBe(before);
  expect(await stdinWith({ "server.type": "cx43" })).not.toBe(before);
  expect(await stdinWith({ "server.ipv6": false })).not.toBe(before);
});
