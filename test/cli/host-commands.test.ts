import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { CommandError } from "../../src/cli/command.ts";
import { doctorOptions, SECTIONS } from "../../src/cli/doctor.ts";
import { execOptions, remoteExec } from "../../src/cli/exec.ts";
import { hostsOf, takePlace, takeStack } from "../../src/cli/host.ts";
import { eachNode, nodesOf, nodesWith, theNode } from "../../src/cli/nodes.ts";
import { logsOptions } from "../../src/cli/logs.ts";
import { sshOptions } from "../../src/cli/ssh.ts";
import { environmentOf } from "../../src/cli/probe.ts";
import { generateSecrets } from "../../src/config/generate.ts";
import { publicKey } from "../../src/config/keys.ts";
import { Secret } from "../../src/config/secret.ts";
import { shellWord } from "../../src/shell.ts";
import { runOverSsh, Unreachable } from "../../src/ssh.ts";
import { sshNodes } from "../helpers/ssh-nodes.ts";

test.each([
  [["--stack", "prod", "--json"], "prod", ["--json"]],
  [["api", "--stack=prod"], "prod", ["api"]],
  [["-s", "prod"], "prod", []],
  [["api"], undefined, ["api"]],
  [["--", "ls", "-s", "x"], undefined, ["--", "ls", "-s", "x"]],
] as const)("takeStack: %j", (args, stack, rest) => {
  expect(takeStack(args)).toEqual({ stack, rest });
});

test("takeStack refuses a stack without a name", () => {
  expect(() => takeStack(["--stack", "--json"])).toThrow("--stack: required a stack's name behind it, such as prod; found none");
});

test("a stack's server is found by its outputs, and its keys by its secrets: the host key is pinned", async () => {
  const secrets = generateSecrets();
  const asked: string[] = [];
  const { first, ways } = await hostsOf("prod", (args) => {
    asked.push(args.join(" "));
    const stdout = args.includes("--json") ? '{"address":"192.0.2.10","ssh":"ssh deploy@192.0.2.10"}' : args.some((arg) => arg.endsWith("deployKey")) ? secrets.deployKey : secrets.hostKey;
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  });
  expect(asked).toEqual([
    "stack output --json --stack prod",
    "config get --path berth:secrets.deployKey --stack prod",
    "config get --path berth:secrets.hostKey --stack prod",
  ]);
  expect(first).toMatchObject({ host: "192.0.2.10", user: "deploy", hostKey: publicKey(new Secret(secrets.hostKey)) });
  expect(ways).toBe("ssh deploy@192.0.2.10");
});

test("hostsOf says which part of the stack is missing", async () => {
  const refused = () => Promise.resolve({ code: 6, stdout: "", stderr: "error: no stack named 'prod' found" });
  await expect(hostsOf("prod", refused)).rejects.toThrow("finding the stack's servers: required `pulumi stack output` to succeed; found exit code 6");
  const empty = () => Promise.resolve({ code: 0, stdout: "{}", stderr: "" });
  await expect(hostsOf("prod", empty)).rejects.toThrow("finding the stack's servers: required the output `address`; found none; `npx pulumi up` makes a server first");
  // As Pulumi answers where the stack's file is not in this checkout.
  const noFile = (args: readonly string[]) => Promise.resolve({ code: 0, stdout: args.includes("--json") ? '{"address":"192.0.2.10"}' : "", stderr: "" });
  await expect(hostsOf("prod", noFile)).rejects.toThrow("found no berth:secrets.deployKey and no berth:secrets.hostKey; is Pulumi.<stack>.yaml in this checkout the one that the stack was made with?");
});

test("logs: the words for docker compose", () => {
  expect(logsOptions([])).toEqual({ words: ["--no-color", "--tail", "100"], services: [], follow: false });
  expect(logsOptions(["worker", "--tail=5", "-f"])).toEqual({ words: ["--no-color", "--no-log-prefix", "--tail", "5", "--follow"], services: ["worker"], follow: true });
  const { words, services } = logsOptions(["--service=api", "--service", "redis", "--since=10m", "-t"]);
  expect([...words, ...services].join(" ")).toBe("--no-color --tail all --since 10m --timestamps api redis");
  expect(() => logsOptions(["sshd"])).toThrow("required services of redis, postgres, api, worker, proxy; found sshd");
  expect(() => logsOptions(["api", "--tail=0"])).toThrow("--tail: required a whole number from 1, or all; found 0");
  expect(() => logsOptions(["api", "--since=$(reboot)"])).toThrow("--since: required a span such as 10m, or a time such as 2026-11-01T12:00:00Z; found $(reboot)");
  expect(() => logsOptions(["api", "--grep=x"])).toThrow("Unknown option '--grep'");
});

test.each([
  [["api", "sh"], undefined, "api", ["sh"]],
  [["--stack=prod", "api", "ls", "-s", "--stack", "x"], "prod", "api", ["ls", "-s", "--stack", "x"]],
  [["api", "--stack", "prod", "--", "node", "--help"], "prod", "api", ["node", "--help"]],
  [["redis", "--", "sh", "-c", "a; b"], undefined, "redis", ["sh", "-c", "a; b"]],
] as const)("exec: %j", (args, stack, service, command) => {
  expect(execOptions(args)).toEqual({ stack, node: undefined, service, command });
});

test("exec, ssh: a node is named before the command, and what the command says of nodes is its own", () => {
  expect(execOptions(["--node", "worker-2", "worker", "ls", "--node", "x"])).toEqual({ stack: undefined, node: "worker-2", service: "worker", command: ["ls", "--node", "x"] });
  expect(sshOptions(["--node=worker", "--", "kubectl", "--node", "x"])).toEqual({ stack: undefined, node: "worker", command: "kubectl --node x" });
  expect(() => sshOptions(["--node"])).toThrow("--node: required a node's name behind it, as in berth:nodes; found none");
});

test("exec says what is wrong", () => {
  expect(() => execOptions([])).toThrow("required one service of redis, postgres, api, worker, proxy; found none");
  expect(() => execOptions(["nginx", "sh"])).toThrow("found nginx");
  expect(() => execOptions(["api"])).toThrow("required a command for api, such as sh; found none");
  expect(() => execOptions(["api", "-it", "sh"])).toThrow("found -it; put -- before a command with options");
});

test("exec: each word of the command is one word over there", () => {
  expect(remoteExec("api", ["node", "-e", "console.log('$HOME')"], false)).toBe(
    `id=$(sudo /opt/berth/scripts/current/berth container api) && exec sudo docker exec --interactive "$id" node -e 'console.log('\\''$HOME'\\'')'`,
  );
  expect(remoteExec("api", ["sh"], true)).toContain("docker exec --interactive --tty");
});

test("ssh: a shell, or one command as ssh would run it", () => {
  expect(sshOptions(["--stack=prod"])).toEqual({ stack: "prod", node: undefined, command: undefined });
  expect(sshOptions(["--stack", "prod", "--", "echo never | sudo tee x", "-s"])).toEqual({ stack: "prod", node: undefined, command: "echo never | sudo tee x -s" });
  expect(() => sshOptions(["uptime"])).toThrow("required nothing, or -- and a command; found uptime");
});

test("doctor: a section or the whole", () => {
  expect(doctorOptions([])).toEqual({ section: undefined, json: false });
  expect(doctorOptions(["--json"])).toEqual({ section: undefined, json: true });
  expect(doctorOptions(["latency"])).toEqual({ section: "latency", json: false });
  expect(() => doctorOptions(["constructor"])).toThrow("required at most one section of stats, latency");
  expect(() => doctorOptions(["swap", "--json"])).toThrow("--json: required without a section");
});

test("each section that the command knows, the host's script knows", () => {
  const script = readFileSync(new URL("../../server/doctor.sh", import.meta.url), "utf8");
  expect(/^ {4}(stats \|.*)\) look_at/m.exec(script)?.[1]?.split(" | ").toSorted()).toEqual(Object.keys(SECTIONS).toSorted());
});

test("a word for a shell comes back as it went in", () => {
  for (const word of ["plain", "two words", "it's", "$HOME", "`id`", "", "a\nb", "\\"]) {
    expect(execFileSync("sh", ["-c", `printf %s ${shellWord(word)}`], { encoding: "utf8" })).toBe(word);
  }
});

test("the probe of a stack is told what the program tells its own", async () => {
  const told = (config: Record<string, unknown>, outputs: object = { address: "192.0.2.10", address6: "" }) => environmentOf("prod", (args) => {
    const stdout = args.includes("output") ? JSON.stringify(outputs) : JSON.stringify(Object.fromEntries(Object.entries(config).map(([key, value]) => [key, { value }])));
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  });
  expect(await told({ "berth:domain": "app.example.com", "berth:app": '{"readyPath":"/up","port":8080}', "berth:acme": '{"staging":true}', "berth:secrets": undefined, "hcloud:token": undefined })).toEqual({
    BERTH_PROBE_ADDRESS: "192.0.2.10", BERTH_PROBE_DOMAIN: "app.example.com", BERTH_PROBE_READY_PATH: "/up", BERTH_PROBE_APP_PORT: "8080", BERTH_PROBE_ACME_STAGING: "true",
  });
  const nodes = '{"front":{"roles":["proxy"]},"jobs":{"roles":["api","worker","redis","postgres"]}}';
  expect(await told({ "berth:project": "shop", "berth:nodes": nodes })).toMatchObject({ BERTH_PROBE_PROJECT: "shop", BERTH_PROBE_NODE: "front" });
  const plain = { BERTH_PROBE_ADDRESS: "192.0.2.10", BERTH_PROBE_DOMAIN: "", BERTH_PROBE_READY_PATH: "/readyz", BERTH_PROBE_ACME_STAGING: "false" };
  expect(await told({ "berth:app": "{}" })).toEqual(plain);
  expect(await told({}, { address: "192.0.2.10", address6: "2001:db8::10" })).toEqual({ ...plain, BERTH_PROBE_ADDRESS6: "2001:db8::10" });
  // A stack that was last updated before it had that output.
  expect(await told({}, { address: "192.0.2.10" })).toEqual(plain);
  await expect(told({}, {})).rejects.toThrow("required the output `address`; found none");
});

test("a stack's nodes are those that its output names, and one of them may be chosen", async () => {
  const secrets = generateSecrets();
  const run = (ssh: unknown, verification?: string) => (args: readonly string[]) => {
    const stdout = args.includes("--json") ? JSON.stringify({ address: "192.0.2.10", ssh, verification }) : args.some((arg) => arg.endsWith("deployKey")) ? secrets.deployKey : secrets.hostKey;
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  };
  const two = run({ main: "ssh deploy@192.0.2.10", worker: "ssh deploy@192.0.2.11" });
  const hosts = async (node?: string) => (await nodesOf("prod", node, two)).map(({ name, target }) => `${name ?? "-"} ${target.host}`);
  expect(await hosts()).toEqual(["main 192.0.2.10", "worker 192.0.2.11"]);
  expect(await hosts("worker")).toEqual(["worker 192.0.2.11"]);
  await expect(hosts("redis")).rejects.toThrow("--node: required one of main, worker; found redis");
  expect((await nodesOf("prod", undefined, run("ssh deploy@192.0.2.10"))).map(({ name, target }) => [name, target.host])).toEqual([[undefined, "192.0.2.10"]]);
  // Pulumi sorts the names; they are released in another order, and rolled back in the opposite one.
  const sorted = run({ api: "ssh deploy@192.0.2.12", main: "ssh deploy@192.0.2.10", redis: "ssh deploy@192.0.2.11" }, "redis: VERIFIED: 24 checks\nmain: VERIFIED: 30 checks\napi: VERIFIED: 20 checks");
  expect((await nodesOf("prod", undefined, sorted)).map(({ name }) => name)).toEqual(["redis", "main", "api"]);
  expect(takePlace(["--json", "--node", "worker", "--stack=prod"])).toEqual({ stack: "prod", node: "worker", rest: ["--json"] });
});

test("the node of a service is the one that has a container of it: the hosts are asked", async () => {
  const { hostKey } = generateSecrets();
  const node = (name: string) => ({ name, target: { host: name, user: "deploy", privateKey: "", hostKey } });
  const containers: Readonly<Record<string, readonly string[]>> = { main: ["proxy", "api", "redis"], worker: ["worker"], "worker-2": ["worker"] };
  const asked: string[] = [];
  const has = ({ host }: { host: string }, service: string): Promise<boolean> => {
    asked.push(`${host} ${service}`);
    return Promise.resolve(containers[host]?.includes(service) ?? false);
  };
  const all = Object.keys(containers).map(node);
  const found = async (nodes: typeof all, ...services: string[]) => (await nodesWith(nodes, services, { has })).map(({ name, services: there }) => `${name}: ${there.join(" ")}`);
  expect(await found(all, "redis")).toEqual(["main: redis"]);
  expect(await found(all, "api", "worker")).toEqual(["main: api", "worker: worker", "worker-2: worker"]);
  expect(await found(all)).toEqual(["main: ", "worker: ", "worker-2: "]);
  await expect(found(all, "postgres")).rejects.toThrow("finding postgres: required a container on one of main, worker, worker-2; found none. Look at: berth status");
  asked.length = 0;
  // The only node, or the one that was named: its host says itself what it does not have.
  expect(await found([node("worker")], "redis")).toEqual(["worker: redis"]);
  expect(asked).toEqual([]);
});

describe("several nodes, one of which", () => {
  const node = (name: string) => ({ name, target: { host: name, user: "deploy", privateKey: "", hostKey: "" } });
  const all = ["postgres-data", "main", "worker"].map(node);
  /** The first one fails so; the others answer. */
  async function asked(fault: Error): Promise<{ code: number | string; said: string; found: string[] | string; silent: number }> {
    let said = "";
    let silent = 0;
    const heard = vi.spyOn(process.stderr, "write").mockImplementation((text) => { said += String(text); return true; });
    try {
      const code = await eachNode(all, ({ name }) => (name === "postgres-data" ? Promise.reject(fault) : Promise.resolve(0))).catch(String);
      const found = await nodesWith(all, ["api", "worker"], {
        has: ({ host }) => (host === "postgres-data" ? Promise.reject(fault) : Promise.resolve(true)),
        unanswered: () => { silent += 1; },
      }).then((them) => them.map(({ name }) => name ?? ""), String);
      return { code, said, found, silent };
    } finally {
      heard.mockRestore();
    }
  }

  test("does not answer: the others are asked, it is said again at the end, and what to run is in one line", async () => {
    const { code, said, found, silent } = await asked(new Unreachable("run on postgres-data: an answer within 60 s is required, none came: sudo"));
    expect([code, found, silent]).toEqual([1, ["main", "worker"], 1]);
    expect(said).toMatchInlineSnapshot(`
      "
      == postgres-data
      berth: node postgres-data does not answer: run on postgres-data: an answer within 60 s is required, none came: sudo

      == main

      == worker

      1 of 3 nodes did not answer: postgres-data. One that is off: power it on at
      Hetzner, and it comes up by itself. One that was deleted:
      \`npx pulumi up --refresh\` makes it anew, and attaches its volume.
      berth: node postgres-data does not answer: run on postgres-data: an answer within 60 s is required, none came: sudo
      "
    `);
  });

  test("signs in and then says nothing: that is no answer either", async () => {
    const { first, close } = await sshNodes(() => new Promise(() => undefined));
    onTestFinished(close);
    const silence = await runOverSsh(first, "sudo", { timeoutSeconds: 3 }).catch((error: unknown) => error);
    expect(silence).toBeInstanceOf(Unreachable);
    expect(String(silence)).toBe("Unreachable: run on 127.0.0.1: an answer within 3 s is required, none came: sudo");
  });

  test("cannot tell: it is said, and the others are asked", async () => {
    const { code, said, found } = await asked(new CommandError("looking at the server: required exit code 0; found 2"));
    expect([code, found]).toEqual([1, ["main", "worker"]]);
    expect(said).toContain("berth: node postgres-data: looking at the server: required exit code 0; found 2\n");
    expect(said).toContain("\n== worker\n");
    expect(said).not.toContain("did not answer");
  });

  test("meets a fault of the command's own: that is thrown", async () => {
    expect(await asked(new TypeError("x"))).toMatchObject({ code: "TypeError: x", found: "TypeError: x" });
  });
});

test("a command for one node says which there are", () => {
  const node = (name: string) => ({ name, target: { host: name, user: "deploy", privateKey: "", hostKey: "" } });
  expect(theNode([node("main")], "a shell is on one server").name).toBe("main");
  expect(() => theNode([node("main"), node("worker")], "a shell is on one server")).toThrow("--node: required one of main, worker: a shell is on one server; found none");
});
