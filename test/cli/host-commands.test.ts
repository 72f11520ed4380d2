import { expect, test } from "vitest";
import { hostOf, takeStack } from "../../src/cli/host.ts";
import { logsOptions } from "../../src/cli/logs.ts";
import { environmentOf } from "../../src/cli/probe.ts";
import { generateSecrets } from "../../src/config/generate.ts";
import { publicKey } from "../../src/config/keys.ts";
import { Secret } from "../../src/config/secret.ts";

test.each([
  [["--stack", "prod", "--json"], "prod", ["--json"]],
  [["api", "--stack=prod"], "prod", ["api"]],
  [["-s", "prod"], "prod", []],
  [["api"], undefined, ["api"]],
] as const)("takeStack: %j", (args, stack, rest) => {
  expect(takeStack(args)).toEqual({ stack, rest });
});

test("takeStack refuses a stack without a name", () => {
  expect(() => takeStack(["--stack", "--json"])).toThrow("--stack: required a stack's name behind it, such as prod; found none");
});

test("a stack's server is found by its output, and its keys by its secrets: the host key is pinned", async () => {
  const secrets = generateSecrets();
  const asked: string[] = [];
  const target = await hostOf("prod", (args) => {
    asked.push(args.join(" "));
    const stdout = args.includes("address") ? "192.0.2.10\n" : args.some((arg) => arg.endsWith("deployKey")) ? secrets.deployKey : secrets.hostKey;
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  });
  expect(asked).toEqual([
    "stack output address --stack prod",
    "config get --path berth:secrets.deployKey --stack prod",
    "config get --path berth:secrets.hostKey --stack prod",
  ]);
  expect(target).toMatchObject({ host: "192.0.2.10", user: "deploy", hostKey: publicKey(new Secret(secrets.hostKey)) });
});

test("hostOf says which part of the stack is missing", async () => {
  const run = () => Promise.resolve({ code: 255, stdout: "", stderr: "error: current stack does not have output property 'address'" });
  await expect(hostOf("prod", run)).rejects.toThrow("finding the server's address: required `pulumi stack output` to succeed; found exit code 255");
});

test("logsOptions", () => {
  expect(logsOptions(["worker", "--tail=5", "-f"])).toEqual({ service: "worker", tail: 5, follow: true });
  expect(() => logsOptions(["sshd"])).toThrow("required one service of redis, postgres, api, worker, proxy; found sshd");
  expect(() => logsOptions(["api", "--tail=0"])).toThrow("--tail: required a whole number from 1; found 0");
  expect(() => logsOptions(["api", "--since=1h"])).toThrow("Unknown option '--since'");
});

test("the probe of a stack is told what the program tells its own", async () => {
  const told = (config: Record<string, unknown>) => environmentOf("prod", (args) => {
    const stdout = args.includes("address") ? "192.0.2.10\n" : JSON.stringify(Object.fromEntries(Object.entries(config).map(([key, value]) => [key, { value }])));
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  });
  expect(await told({ "berth:domain": "app.example.com", "berth:app": '{"readyPath":"/up","port":8080}', "berth:acme": '{"staging":true}', "berth:secrets": undefined, "hcloud:token": undefined })).toEqual({
    BERTH_PROBE_ADDRESS: "192.0.2.10", BERTH_PROBE_DOMAIN: "app.example.com", BERTH_PROBE_READY_PATH: "/up", BERTH_PROBE_APP_PORT: "8080", BERTH_PROBE_ACME_STAGING: "true",
  });
  expect(await told({ "berth:app": "{}" })).toEqual({ BERTH_PROBE_ADDRESS: "192.0.2.10", BERTH_PROBE_DOMAIN: "", BERTH_PROBE_READY_PATH: "/readyz", BERTH_PROBE_ACME_STAGING: "false" });
});
