import { describe, expect, test } from "vitest";
import { initOptions } from "../../src/cli/init-options.ts";
import { generatedSteps, settingSteps } from "../../src/cli/init-plan.ts";
import { init } from "../../src/cli/init.ts";
import { parseConfig } from "../../src/config/faults.ts";
import { generateSecrets } from "../../src/config/generate.ts";
import { fromStack } from "../../src/config/stack.ts";
import { effects, fakePulumi, type FakePulumi } from "./stack.ts";

const flags = ["--yes", "--server-type=cx33", "--ssh-source=203.0.113.7/32", "--image=ghcr.io/example/app:1.0.0", "--queue=file", "--queue=email"];
const settled = (): Record<string, unknown> => ({
  "berth:server": { type: "cx33" },
  "berth:ssh": { sources: ["203.0.113.7/32"] },
  "berth:app": { image: "ghcr.io/example/app:1.0.0", queues: ["file", "email"] },
});
const complete = (): Record<string, unknown> => ({ ...settled(), "berth:secrets": { ...generateSecrets() } });

/** What was written, without the reading around it. */
function writes(pulumi: FakePulumi): string[] {
  return pulumi.calls.map(({ args }) => args.join(" ")).filter((it) => /^(?:config (?:set|rm)|stack init)/.test(it));
}

describe("a stack that says nothing yet", () => {
  test("with every option: settings in one command, each secret in its own, and the stack is complete", async () => {
    const pulumi = fakePulumi();
    const around = effects(pulumi);
    expect(await init(initOptions(["prod", ...flags]), around)).toBe(0);
    expect(writes(pulumi)).toMatchInlineSnapshot(`
      [
        "config set-all --path --plaintext berth:server.type=cx33 --plaintext berth:app.image=ghcr.io/example/app:1.0.0 --plaintext berth:ssh.sources[0]=203.0.113.7/32 --plaintext berth:app.queues[0]=file --plaintext berth:app.queues[1]=email --stack prod",
        "config set --secret --path berth:secrets.redisPassword --stack prod",
        "config set --secret --path berth:secrets.postgresPassword --stack prod",
        "config set --secret --path berth:secrets.deployKey --stack prod",
        "config set --secret --path berth:secrets.hostKey --stack prod",
      ]
    `);
    expect(around.said).toMatchInlineSnapshot(`
      [
        "  berth:server.type=cx33, berth:app.image=ghcr.io/example/app:1.0.0, berth:ssh.sources[0]=203.0.113.7/32, berth:app.queues[0]=file, berth:app.queues[1]=email",
        "  berth:secrets.redisPassword generated",
        "  berth:secrets.postgresPassword generated",
        "  berth:secrets.deployKey generated",
        "  berth:secrets.hostKey generated",
        "stack prod is complete; next: npx pulumi preview --stack prod, then npx pulumi up --stack prod",
      ]
    `);
    const values = Object.fromEntries(Object.entries(pulumi.config).map(([key, value]) => [key.replace("berth:", ""), JSON.stringify(value)]));
    expect(parseConfig(fromStack(values)).app.queues).toEqual(["file", "email"]);
  });

  test("secrets go in by standard input and are in no argument", async () => {
    const pulumi = fakePulumi();
    await init(initOptions(["prod", ...flags]), effects(pulumi));
    const secrets = pulumi.calls.filter((it) => it.stdin !== "");
    expect(secrets.map((it) => it.args.at(-3))).toEqual(["berth:secrets.redisPassword", "berth:secrets.postgresPassword", "berth:secrets.deployKey", "berth:secrets.hostKey"]);
    const everyArgument = pulumi.calls.flatMap((it) => it.args).join("\n");
    for (const { stdin } of secrets) expect(everyArgument).not.toContain(stdin);
    for (const { args } of secrets) expect(args).toContain("--secret");
  });

  test("with --yes and nothing told: one message lists what is missing, and nothing is written", async () => {
    const pulumi = fakePulumi();
    await expect(init(initOptions(["prod", "--yes"]), effects(pulumi))).rejects.toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: server.type, --server-type: required a Hetzner name, such as cx33 for a server type; found nothing
      app.image, --image: required an image reference such as ghcr.io/example/app:1.4.2; found nothing
      app.queues, --queue: required a list of queue names; found nothing
      ssh.sources, --ssh-source: required at least one address range that may reach port 22 (or ssh.openToWorld: true); found an empty list
      next: run \`berth init prod\` again, with these options or in a terminal, where it asks; what has no option stands in Pulumi.prod.yaml; no setting was written]
    `);
    expect(writes(pulumi)).toEqual([]);
  });

  test("asked: the answers are what the flags would have said", async () => {
    const pulumi = fakePulumi();
    const around = effects(pulumi, { "Hetzner server type": "cx33", "Address ranges": "203.0.113.7/32, 2001:db8::/64", Image: "ghcr.io/example/app:1.0.0", "Bull queues": "file email", "Hetzner Cloud API token": "t".repeat(64) });
    await init(initOptions(["prod"]), around);
    expect(pulumi.config).toMatchObject({ "berth:ssh": { sources: ["203.0.113.7/32", "2001:db8::/64"] }, "berth:app": { queues: ["file", "email"] }, "hcloud:token": "t".repeat(64) });
    expect(pulumi.config).not.toHaveProperty(["berth:domain"]);
    expect(pulumi.calls.flatMap((it) => it.args).join(" ")).not.toContain("tttt");
    expect(around.asked).toMatchInlineSnapshot(`
      [
        "Domain the application is served under (- for none: plain HTTP)",
        "Hetzner server type, such as cx33",
        "Hetzner location",
        "Address ranges that may reach port 22, such as 203.0.113.7/32",
        "Image of the application, with a version or digest",
        "Bull queues",
        "Connections that a managed Redis's plan allows (- for a Redis of Berth's own)",
        "Hetzner Cloud API token, read and write (empty: HCLOUD_TOKEN at each run)",
      ]
    `);
  });
});

describe("a stack that is complete", () => {
  test("nothing is written, and no secret is generated again", async () => {
    const pulumi = fakePulumi(complete());
    const around = effects(pulumi);
    expect(await init(initOptions(["prod", "--yes"]), around)).toBe(0);
    expect(writes(pulumi)).toEqual([]);
    expect(around.said[0]).toBe("  nothing to write: the stack has its settings and secrets");
  });

  test("the same settings told again write nothing", async () => {
    const pulumi = fakePulumi(complete());
    await init(initOptions(["prod", ...flags]), effects(pulumi));
    expect(writes(pulumi)).toEqual([]);
  });

  test("--rotate replaces that secret and no other", async () => {
    const pulumi = fakePulumi(complete());
    const before = structuredClone(pulumi.config["berth:secrets"]);
    await init(initOptions(["prod", "--yes", "--rotate=redisPassword"]), effects(pulumi));
    expect(writes(pulumi)).toEqual(["config set --secret --path berth:secrets.redisPassword --stack prod"]);
    expect(pulumi.config["berth:secrets"]).not.toEqual(before);
  });

  test("--rotate=deployKey takes three steps, and there is always a key that both sides know", async () => {
    const pulumi = fakePulumi(complete());
    const secrets = (): Record<string, string> => pulumi.config["berth:secrets"] as Record<string, string>;
    const rotate = async (): Promise<string[]> => {
      const from = writes(pulumi).length;
      await init(initOptions(["prod", "--yes", "--rotate=deployKey"]), effects(pulumi));
      return writes(pulumi).slice(from).map((line) => line.replace(/--secret --path berth:secrets\.|--path berth:secrets\.| --stack prod/g, ""));
    };
    const first = secrets()["deployKey"];

    expect(await rotate()).toEqual(["config set nextDeployKey"]);
    const next = secrets()["nextDeployKey"];
    expect(secrets()["deployKey"]).toBe(first);

    expect(await rotate()).toEqual(["config set previousDeployKey", "config set deployKey", "config rm nextDeployKey"]);
    expect(secrets()).toMatchObject({ deployKey: next, previousDeployKey: first });

    expect(await rotate()).toEqual(["config rm previousDeployKey"]);
    expect(secrets()["deployKey"]).toBe(next);
    expect(Object.keys(secrets()).toSorted()).toEqual(["deployKey", "hostKey", "postgresPassword", "redisPassword"]);
  });

  test("a wrong answer is refused before anything is written", async () => {
    const pulumi = fakePulumi(complete());
    await expect(init(initOptions(["prod", "--yes", "--image=app:latest", "--rotate=hostKey"]), effects(pulumi))).rejects.toThrow(/^app\.image, --image: required a digest/);
    expect(writes(pulumi)).toEqual([]);
  });

  test("--domain= takes the name out, and the address that goes with its certificates", async () => {
    const pulumi = fakePulumi({ ...complete(), "berth:domain": "app.example.com", "berth:acme": { email: "ops@example.com" } });
    await init(initOptions(["prod", "--yes", "--domain="]), effects(pulumi));
    expect(writes(pulumi)).toEqual(["config rm --path berth:domain --stack prod", "config rm --path berth:acme.email --stack prod"]);
  });
});

describe("what cannot be generated", () => {
  const registry = ["--registry-server=ghcr.io", "--registry-username=me"];

  test("the registry's password comes from the environment, by standard input", async () => {
    const pulumi = fakePulumi(complete());
    await init(initOptions(["prod", "--yes", ...registry]), effects(pulumi, undefined, { BERTH_REGISTRY_PASSWORD: "planted-7c1f" }));
    expect(pulumi.config["berth:secrets"]).toMatchObject({ registryPassword: "planted-7c1f" });
    expect(pulumi.calls.flatMap((it) => it.args).join(" ")).not.toContain("planted-7c1f");
  });

  test("without one the stack is refused", async () => {
    await expect(init(initOptions(["prod", "--yes", ...registry]), effects(fakePulumi(complete())))).rejects.toThrow(/^secrets\.registryPassword: required the password of me at ghcr\.io; found nothing/);
  });

  test("the Hetzner token is kept when asked to, from the environment", async () => {
    const pulumi = fakePulumi(complete());
    await init(initOptions(["prod", "--yes", "--store-token"]), effects(pulumi, undefined, { HCLOUD_TOKEN: "planted-7c1f" }));
    expect(pulumi.calls.find((it) => it.stdin === "planted-7c1f")?.args).toEqual(["config", "set", "--secret", "hcloud:token", "--stack", "prod"]);
  });

  test("--store-token without a token says so", async () => {
    await expect(init(initOptions(["prod", "--yes", "--store-token"]), effects(fakePulumi(complete())))).rejects.toThrowErrorMatchingInlineSnapshot(`[CommandError: --store-token: required HCLOUD_TOKEN in the environment; found none; export it, or leave the option out to be asked]`);
  });
});

describe("a managed Redis", () => {
  const URL = "rediss://app:planted-9Xk2@redis.example.net:6380";

  test("its URL comes from the environment, by standard input, and takes the place of the own password", async () => {
    const pulumi = fakePulumi(complete());
    const around = effects(pulumi, undefined, { BERTH_REDIS_URL: URL });
    await init(initOptions(["prod", "--yes", "--redis-connections=100"]), around);
    expect(writes(pulumi)).toEqual([
      "config set-all --path --plaintext berth:redis.managed.connections=100 --stack prod",
      "config set --secret --path berth:secrets.redisUrl --stack prod",
      "config rm --path berth:secrets.redisPassword --stack prod",
    ]);
    expect(pulumi.config["berth:secrets"]).toMatchObject({ redisUrl: URL });
    expect(JSON.stringify([pulumi.calls.map((it) => it.args), around.said])).not.toContain("planted-9Xk2");
  });

  test("a new stack is given no password for a Redis that it has not got; asked again it writes nothing", async () => {
    const pulumi = fakePulumi();
    const around = effects(pulumi, undefined, { BERTH_REDIS_URL: URL });
    await init(initOptions(["prod", ...flags, "--redis-connections=100"]), around);
    expect(pulumi.config["berth:secrets"]).not.toHaveProperty("redisPassword");
    const before = writes(pulumi).length;
    await init(initOptions(["prod", ...flags, "--redis-connections=100"]), around);
    expect(writes(pulumi)).toHaveLength(before);
  });

  test("asked: the URL is asked for as a secret", async () => {
    const pulumi = fakePulumi(complete());
    await init(initOptions(["prod"]), effects(pulumi, { "Connections that a managed": "100", "URL of the managed Redis": URL }));
    expect(pulumi.config["berth:secrets"]).toMatchObject({ redisUrl: URL });
  });

  test("and back: the URL goes, a password is generated", async () => {
    const managed = complete();
    const pulumi = fakePulumi({ ...managed, "berth:redis": { managed: { connections: 100 } }, "berth:secrets": { ...generateSecrets(), redisPassword: undefined, redisUrl: URL } });
    await init(initOptions(["prod", "--yes", "--redis-connections="]), effects(pulumi));
    expect(writes(pulumi)).toEqual([
      "config rm --path berth:redis.managed.connections --stack prod",
      "config set --secret --path berth:secrets.redisPassword --stack prod",
      "config rm --path berth:secrets.redisUrl --stack prod",
    ]);
  });

  test.each([
    [["--redis-connections=100"], "a managed Redis: required its URL in BERTH_REDIS_URL, or on being asked; found none"],
    [["--redis-connections=100", "--rotate=redisPassword"], "--rotate=redisPassword: required a Redis of Berth's own; found a managed one"],
  ])("%j without a URL", async (args, expected) => {
    await expect(init(initOptions(["prod", "--yes", ...args]), effects(fakePulumi(complete())))).rejects.toThrow(expected);
  });
});

describe("what is not there", () => {
  test("a missing stack says how to create it", async () => {
    await expect(init(initOptions(["staging", "--yes"]), effects(fakePulumi()))).rejects.toThrowErrorMatchingInlineSnapshot(`[CommandError: opening stack staging: required a stack of that name; found prod; run \`npx pulumi stack init staging\`, or this with --create]`);
  });

  test.each(["staging", "example-org/staging", "example-org/berth/staging"])("--create creates %s, without selecting it", async (stack) => {
    const pulumi = fakePulumi({});
    await init(initOptions([stack, "--create", ...flags]), effects(pulumi));
    expect(writes(pulumi)[0]).toBe(`stack init ${stack} --no-select`);
    // What is there is not created again.
    await init(initOptions([stack, "--create", ...flags]), effects(pulumi));
    expect(writes(pulumi).filter((it) => it.startsWith("stack init"))).toHaveLength(1);
  });

  test("an organisation on a backend that knows none is said to be one", async () => {
    const failing = { ...effects(fakePulumi()), pulumi: () => Promise.resolve({ code: 1, stdout: "", stderr: "error: organization name must be 'organization'\n" }) };
    await expect(init(initOptions(["acme/prod", "--yes", "--create"]), failing)).rejects.toThrowErrorMatchingInlineSnapshot(`[CommandError: reading stack acme/prod: required \`pulumi config --json\` to succeed; found exit code 1: error: organization name must be 'organization'; a backend that is a folder or a bucket has no organisations: give the stack's name alone, such as prod]`);
  });

  test("nobody to ask and no --yes", async () => {
    await expect(init(initOptions(["prod"]), effects(fakePulumi()))).rejects.toThrowErrorMatchingInlineSnapshot(`[CommandError: init asks questions: required a terminal on standard input, or --yes with the options that answer them; found neither; see \`berth help init\`]`);
  });

  test("a failing pulumi is quoted, with what to do", async () => {
    const failing = { ...effects(fakePulumi()), pulumi: () => Promise.resolve({ code: 255, stdout: "", stderr: "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE\n" }) };
    await expect(init(initOptions(["prod", "--yes"]), failing)).rejects.toThrowErrorMatchingInlineSnapshot(`[CommandError: reading stack prod: required \`pulumi config --json\` to succeed; found exit code 255: error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE; export PULUMI_CONFIG_PASSPHRASE (or PULUMI_CONFIG_PASSPHRASE_FILE), then run this again]`);
  });
});

describe("the command line", () => {
  test.each([
    [[], "required one stack name, such as prod; found none"],
    [["prod", "dev"], "required one stack name, such as prod; found prod dev"],
    [["$(id)"], 'required a stack name of letters, digits, - _ and .; found "$(id)"'],
    [["prod", "--rotate=everything"], '--rotate: required one of redisPassword, postgresPassword, deployKey, hostKey; found "everything"'],
    [["prod", "--bogus"], "Unknown option '--bogus'"],
  ])("%j", (args, expected) => {
    expect(() => initOptions(args)).toThrow(expected);
  });

  test("each flag is a setting", () => {
    expect(initOptions(["prod", ...flags, "--domain=app.example.com", "--acme-email=ops@example.com", "--location=fsn1"]).settings).toMatchInlineSnapshot(`
      {
        "acme.email": "ops@example.com",
        "app.image": "ghcr.io/example/app:1.0.0",
        "app.queues": [
          "file",
          "email",
        ],
        "domain": "app.example.com",
        "server.location": "fsn1",
        "server.type": "cx33",
        "ssh.sources": [
          "203.0.113.7/32",
        ],
      }
    `);
  });
});

describe("steps as data", () => {
  test("a shorter list is emptied first, so that no old item stays behind", () => {
    const steps = settingSteps({ "ssh.sources": ["203.0.113.7/32"] }, () => ["198.51.100.1/32", "198.51.100.2/32"]);
    expect(steps.map((it) => it.args)).toEqual([
      ["config", "rm", "--path", "berth:ssh.sources"],
      ["config", "set-all", "--path", "--plaintext", "berth:ssh.sources[0]=203.0.113.7/32"],
    ]);
  });

  test("only what is missing or to be rotated is generated, and no step says a value", () => {
    const steps = generatedSteps((name) => name !== "hostKey", ["deployKey"]);
    expect(steps.map((it) => it.says)).toEqual(["berth:secrets.deployKey rotated", "berth:secrets.hostKey generated"]);
    for (const { says, args, stdin } of steps) expect(`${says} ${args.join(" ")}`).not.toContain(stdin);
  });
});

describe("the example that Pulumi.prod.yaml comes as", () => {
  const example = (): Record<string, unknown> => ({ ...settled(), "berth:domain": "app.example.com" });

  test("its names and addresses are no answers: without a terminal each is asked for, and nothing is written", async () => {
    const pulumi = fakePulumi(example());
    await expect(init(initOptions(["prod", "--yes"]), effects(pulumi))).rejects.toThrowErrorMatchingInlineSnapshot(`
      [CommandError: domain: required a value of your own; found the example's, "app.example.com"; see \`berth help init\` for its option
      ssh.sources: required a value of your own; found the example's, ["203.0.113.7/32"]; see \`berth help init\` for its option
      app.image: required a value of your own; found the example's, "ghcr.io/example/app:1.0.0"; see \`berth help init\` for its option]
    `);
    expect(writes(pulumi)).toEqual([]);
  });

  test("nor are they offered as answers to a question", async () => {
    const pulumi = fakePulumi(example());
    await init(initOptions(["prod"]), effects(pulumi, { "Address ranges": "198.51.100.4/32", Image: "ghcr.io/acme/app:2.0.0", "Hetzner Cloud": "t".repeat(64) }));
    expect(pulumi.config).toMatchObject({ "berth:ssh": { sources: ["198.51.100.4/32"] }, "berth:app": { image: "ghcr.io/acme/app:2.0.0" } });
    expect(Object.keys(pulumi.config)).not.toContain("berth:domain");
  });

  test("a stack that has its secrets has been decided", async () => {
    expect(await init(initOptions(["prod", "--yes"]), effects(fakePulumi({ ...complete(), "hcloud:token": "t" })))).toBe(0);
  });
});
