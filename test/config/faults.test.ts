import ssh2 from "ssh2";
import { describe, expect, test } from "vitest";
import { ConfigError, faultLine, parseConfig, sizeFaults, userDataFaults, type ServerSize } from "../../src/config/faults.ts";
import { Secret } from "../../src/config/secret.ts";
import { cx33, good, secrets, spoilt } from "./good.ts";

/** The lines of the one error these changes give, less the last, which says what to do. */
function lines(changes: Readonly<Record<string, unknown>>, size?: ServerSize): string[] {
  try {
    parseConfig(spoilt(changes), size);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n").slice(0, -1);
    throw error;
  }
  return [];
}

const rsa = ssh2.utils.generateKeyPairSync("rsa", { bits: 2048 }).private;
const locked = ssh2.utils.generateKeyPairSync("ed25519", { passphrase: "x", cipher: "aes256-ctr", rounds: 16 }).private;
const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

test("a good configuration parses, with every default, and is frozen with its sections", () => {
  const config = parseConfig(good(), cx33);
  expect(config.redis).toMatchInlineSnapshot(`
    {
      "appendfsync": "everysec",
      "cpuShares": 4096,
      "image": "redis:8.0.5",
      "loadSeconds": 120,
      "managed": {
        "persistence": "aof",
        "plaintext": false,
      },
      "maxclients": 1000,
      "maxmemoryMb": 192,
      "memoryMb": 512,
      "uid": 999,
    }
  `);
  expect(Object.isFrozen(config) && Object.isFrozen(config.redis) && Object.isFrozen(config.app.queues)).toBe(true);
});

test("secrets come out as values that do not print, keys with their last newline", () => {
  const config = parseConfig(spoilt({ "secrets.hostKey": secrets.hostKey.trim() }));
  expect(config.secrets.redisPassword).toBeInstanceOf(Secret);
  expect(`${String(config.secrets.redisPassword)} ${JSON.stringify(config.secrets)}`).not.toContain(secrets.redisPassword);
  expect(config.secrets.hostKey.reveal()).toMatch(/-----END OPENSSH PRIVATE KEY-----\n$/);
});

test("values that YAML reads as numbers or booleans are text in app.env", () => {
  expect(parseConfig(spoilt({ "app.env": { RETRIES: 5, VERBOSE: true } })).app.env).toEqual({ RETRIES: "5", VERBOSE: "true" });
});

/** Each row: name, what is changed, the lines it gives. */
const cases: readonly (readonly [name: string, changes: Record<string, unknown>, expected: readonly unknown[]])[] = [
  // Single keys
  ["missing key", { "server.type": undefined }, ["server.type: required a Hetzner name, such as cx33 for a server type; found nothing"]],
  ["missing section", { server: undefined }, ["server.type: required a Hetzner name, such as cx33 for a server type; found nothing"]],
  ["unknown key", { "app.colour": "red" }, [expect.stringMatching(/^app\.colour: required one of image, architectures, .*; found an unknown key$/)]],
  ["misspelt key", { "redis.maxMemoryMb": 64 }, [expect.stringMatching(/^redis\.maxMemoryMb: required "maxmemoryMb", if that was meant, or one of .*; found an unknown key$/)]],
  ["unknown section", { machines: {} }, [expect.stringMatching(/^machines: required one of project, server, .*; found an unknown key$/)]],
  ["wrong type", { "app.port": "3000" }, ['app.port: required a whole number; found "3000"']],
  ["fraction", { "redis.memoryMb": 512.5 }, ["redis.memoryMb: required a whole number; found 512.5"]],
  ["out of range", { "app.port": 70_000 }, ["app.port: required at most 65535; found 70000"]],
  ["a list for a map", { redis: [1] }, ["redis: required a map; found a list of one"]],
  ["a map for a list", { "app.queues": {} }, ["app.queues: required a list of queue names; found a map"]],
  ["not one of the choices", { "redis.appendfsync": "no" }, ['redis.appendfsync: required one of "everysec", "always"; found "no"']],
  ["no CIDR", { "ssh.sources": ["203.0.113.7"] }, ['ssh.sources[0]: required an address range such as 203.0.113.7/32 or 2001:db8::/64; found "203.0.113.7"']],
  ["bad queue name", { "app.queues": ["file queue"] }, ['app.queues[0]: required a queue name of 1 to 64 letters, digits, _ and -; found "file queue"']],
  ["no queue", { "app.queues": [] }, ["app.queues: required at least one queue; found a list of 0"]],
  ["bad variable name", { "app.env": { "log-level": "x" } }, ["app.env.log-level: required a name of capital letters, digits and _ (an environment variable); found another name"]],
  ["bad project", { project: "My App" }, ['project: required a lower-case letter, then up to 30 of a-z 0-9 -; found "My App"']],
  ["an address for a domain", { domain: "203.0.113.7" }, ['domain: required a DNS name such as app.example.com; found "203.0.113.7"']],
  ["a role that Postgres reserves", { "postgres.user": "pg_app" }, [expect.stringMatching(/^postgres\.user: required .* not pg_ at its start; found "pg_app"$/)]],
  ["registry with a scheme", { registry: { server: "https://ghcr.io", username: "x" }, "secrets.registryPassword": "x" }, [expect.stringMatching(/^registry\.server: required a registry host .* without scheme and path; found "https:\/\/ghcr\.io"$/)]],
  ["registry user that release.env cannot hold", { registry: { server: "ghcr.io", username: "robot$ci" }, "secrets.registryPassword": "x" }, [expect.stringMatching(/^registry\.username: required letters, .* \(what release\.env can hold\); found "robot\$ci"$/)]],
  // Text that cannot be laid down
  ["newline in a variable", { "app.env": { MOTD: "a\nb" } }, ["app.env.MOTD: required one line of text (several lines belong in secrets.app, which become files); found another text (not shown)"]],
  ["control character in a secret", { "secrets.app": { A: "a\0b" } }, ["secrets.app.A: required text without control characters, carriage returns included; found another text (not shown)"]],
  ["quote in a password", { "secrets.redisPassword": 'a"b' }, ["secrets.redisPassword: required printable ASCII without spaces, quotes and backslashes; found another text (not shown)"]],
  ["control character in a command", { "api.command": ["node\n"] }, ['api.command[0]: required text without control characters; found "node\\n"']],
  // Secrets
  ["missing secret", { "secrets.postgresPassword": undefined }, ["secrets.postgresPassword: required a password of printable ASCII; found nothing"]],
  ["blank secret", { "secrets.app": { A: " \n" } }, ["secrets.app.A: required a value that is not blank; found a blank text"]],
  ["deploy key of another kind", { "secrets.deployKey": rsa }, ["secrets.deployKey: required an ed25519 private key in OpenSSH's format, without a passphrase; found a key of type ssh-rsa"]],
  ["host key that is none", { "secrets.hostKey": "nonsense" }, ["secrets.hostKey: required an ed25519 private key in OpenSSH's format, without a passphrase; found text that does not begin with -----BEGIN OPENSSH PRIVATE KEY-----"]],
  ["key cut short", { "secrets.hostKey": secrets.hostKey.slice(0, 120) }, ["secrets.hostKey: required an ed25519 private key in OpenSSH's format, without a passphrase; found a damaged OpenSSH private key"]],
  ["key under a passphrase", { "secrets.deployKey": locked }, ["secrets.deployKey: required an ed25519 private key in OpenSSH's format, without a passphrase; found a key under a passphrase"]],
  ["a rotation to the present key", { "secrets.nextDeployKey": secrets.deployKey }, ["secrets.nextDeployKey: required another key than secrets.deployKey, or none; found the same key"]],
  ["a rotation to the host's key", { "secrets.nextDeployKey": secrets.hostKey }, ["secrets.nextDeployKey: required another key than secrets.hostKey: the host key is on the server, a deploy key must not be; found the host key"]],
  ["a previous key that is none", { "secrets.previousDeployKey": rsa }, ["secrets.previousDeployKey: required an ed25519 private key in OpenSSH's format, without a passphrase; found a key of type ssh-rsa"]],
  ["one key for both", { "secrets.hostKey": secrets.deployKey }, ["secrets.hostKey: required a key of its own: the host key is on the server, the deploy key must not be; found the deploy key"]],
  ["registry without its password", { registry: { server: "ghcr.io", username: "me" } }, ["secrets.registryPassword: required the password of me at ghcr.io; found nothing"]],
  ["registry password without a registry", { "secrets.registryPassword": "hunter2" }, ["registry: required a server and a username, which secrets.registryPassword is for; found nothing"]],
  ["registry that no image comes from", { registry: { server: "ghcr.example", username: "me" }, "secrets.registryPassword": "x" }, ['registry.server: required a registry that an image comes from (ghcr.io, docker.io); found "ghcr.example"']],
  // Images
  ["latest", { "app.image": "ghcr.io/example/app:latest" }, ['app.image: required a digest (@sha256:…) or a tag with a version (such as :1.4.2), which mean the same tomorrow; found "ghcr.io/example/app:latest"']],
  ["no tag", { "proxy.image": "caddy" }, ['proxy.image: required a digest (@sha256:…) or a tag with a version (such as :1.4.2), which mean the same tomorrow; found "caddy"']],
  ["floating name", { "verify.image": "node:lts" }, ['verify.image: required a digest (@sha256:…) or a tag with a version (such as :1.4.2), which mean the same tomorrow; found "node:lts"']],
  ["no image reference", { "app.image": "GHCR.io/Example/App:1" }, ['app.image: required an image reference such as ghcr.io/example/app:1.4.2; found "GHCR.io/Example/App:1"']],
  ["image that release.env cannot hold", { "app.image": "[::1]:5000/app:1.0" }, ['app.image: required an image of letters, digits and _ . / : @ -, which release.env can hold; found "[::1]:5000/app:1.0"']],
  ["Postgres without a major", { "postgres.image": `postgres@${digest}` }, [`postgres.image: required a tag that begins with the major version, such as postgres:17.6, beside any digest; found "postgres@${digest}"`]],
  ["Redis without a major", { "redis.image": "redis:bookworm-20260101" }, ['redis.image: required a tag that begins with the major version, such as redis:8.0.5, beside any digest; found "redis:bookworm-20260101"']],
  // Access
  ...["https://alerts.example.com/hooks/4 2", "https://alerts.example.com/h\u00f6r", "https://me:planted@alerts.example.com/", "https:alerts.example.com", "a pigeon"].map((address): [string, Readonly<Record<string, unknown>>, string[]] =>
    [`a webhook that no request can be made of, ${address}`, { "secrets.alertWebhook": address }, ["secrets.alertWebhook: required an address such as https://alerts.example.com/hooks/42, without a user, blanks or letters beyond ASCII (as %XX); found another text (not shown)"]]),
  ["no SSH source", { "ssh.sources": [] }, ["ssh.sources: required at least one address range that may reach port 22 (or ssh.openToWorld: true); found an empty list"]],
  ["the world over IPv4", { "ssh.sources": ["203.0.113.7/32", "0.0.0.0/0"] }, ['ssh.sources[1]: required a range smaller than the world (or ssh.openToWorld: true, in so many words); found "0.0.0.0/0"']],
  ["the world over IPv6", { "ssh.sources": ["::/0"] }, ['ssh.sources[0]: required a range smaller than the world (or ssh.openToWorld: true, in so many words); found "::/0"']],
  ["certificates without a name", { "acme.email": "ops@example.com" }, ["domain: required the name that certificates are for, since acme is set; found nothing"]],
  ["no e-mail address", { domain: "app.example.com", "acme.email": "ops" }, ['acme.email: required an e-mail address; found "ops"']],
  // Environment
  ["reserved variable", { "app.env": { PORT: "8080" } }, ["app.env.PORT: required a name that Berth does not set itself (NODE_ENV, PORT, API_PROCESSES, BERTH_…); found a reserved name"]],
  ["reserved prefix", { "app.env": { BERTH_PROCESS: "x" } }, ["app.env.BERTH_PROCESS: required a name that Berth does not set itself (NODE_ENV, PORT, API_PROCESSES, BERTH_…); found a reserved name"]],
  ["secret among the variables", { "app.env": { STRIPE_KEY: "sk_live_1" } }, ["app.env.STRIPE_KEY: required nothing secret: it shows in diffs and in docker inspect; put it in secrets.app; found another text (not shown)"]],
  ["password in a URL", { "app.env": { MAIL: "smtp://me:hunter2@mx.example" } }, ["app.env.MAIL: required nothing secret: it shows in diffs and in docker inspect; put it in secrets.app; found another text (not shown)"]],
  ["a variable and a secret of one name", { "app.env": { SMTP_PASSWORD_FILE: "/x" } }, ["app.env.SMTP_PASSWORD_FILE: required a name that secrets.app.SMTP_PASSWORD does not set itself; found the same name"]],
  ["a secret named like Berth's own", { "secrets.app": { REDIS_PASSWORD: "x" } }, ["secrets.app.REDIS_PASSWORD: required another name: Berth sets REDIS_PASSWORD_FILE itself; found a reserved name"]],
  // Processes
  ["queue twice", { "app.queues": ["file", "file"] }, ['app.queues: required each queue once; found "file" more than once']],
  ["nobody processes", { "worker.processes": false }, ["worker.processes: required true, or api.processes: true: somebody must process the queues; found false for both"]],
  ["canary without a listener", { "api.listens": false }, ["api.listens: required true with app.canaryPath: awaiting a canary job opens the subscriber connection; found false"]],
  ["a canary for the world", { "app.canaryPath": "/canary" }, ['app.canaryPath: required a path below /ops/, which the proxy does not pass on: anybody could send jobs there otherwise; found "/canary"']],
  ["a canary that leaves /ops", { "app.canaryPath": "/ops/../canary" }, ['app.canaryPath: required a path below /ops/, which the proxy does not pass on: anybody could send jobs there otherwise; found "/ops/../canary"']],
  ["start-up shorter than loading", { "app.startupSeconds": 60 }, ["app.startupSeconds: required at least redis.loadSeconds (120): after a reboot the application waits while the AOF loads; found 60"]],
  ["stop without end", { "worker.stopGraceSeconds": 3600 }, ["worker.stopGraceSeconds: required at most 900: it holds up every release and reboot; found 3600"]],
  ["a migration longer than a release has room for", { "app.migrate": ["x"], "app.migrateSeconds": 3_436 }, ["app.migrateSeconds: required at most 3435: a release is ended after 5400 s, of which fetching, the start, the verification and a way back need the rest; found 3436"]],
  ["a longer one beside slow data", { "app.migrate": ["x"], "app.migrateSeconds": 901, "redis.loadSeconds": 3_600, "app.startupSeconds": 3_600 }, [expect.stringMatching(/^app\.migrateSeconds: required at most 900: /)]],
  ["no bound for a migration", { "app.migrateSeconds": 0 }, ["app.migrateSeconds: required at least 10; found 0"]],
  // Budgets
  ["maxmemory over its rule", { "redis.maxmemoryMb": 200 }, ["redis.maxmemoryMb: required at most 192: (redis.memoryMb 512 - 128) / 2, because an AOF rewrite forks; found 200"]],
  ["no room for any maxmemory", { "redis.memoryMb": 128 }, ["redis.maxmemoryMb: required redis.memoryMb of at least 512; found 192"]],
  ["ceiling over maxclients", { "redis.connectionCeiling": 1000 }, ["redis.connectionCeiling: required at most 984 (redis.maxclients 1000 less 16 for health checks, the verifier and a person); found 1000"]],
  ["derived ceiling over maxclients", { "redis.maxclients": 32, "app.queues": ["a", "b", "c"] }, ["redis.connectionCeiling: required at most 16 (redis.maxclients 32 less 16 for health checks, the verifier and a person); found 18 (three a queue a process, for 3 queues)"]],
  ["ceiling under what is opened", { "redis.connectionCeiling": 9 }, ["redis.connectionCeiling: required at least 10, which the processes open (api 4 + worker 6, with 2 queues); found 9"]],
  ["volume too small for the AOF", { "redis.memoryMb": 4096, "redis.maxmemoryMb": 1984 }, ["volume.sizeGb: required at least 25: the AOF may reach 4 x redis.maxmemoryMb, and twice that must stay free; found 20"]],
];

describe("each fault has its line", () => {
  test.each(cases)("%s", (_name, changes, expected) => {
    expect(lines(changes)).toEqual(expected);
  });
});

describe("what is allowed", () => {
  test.each<[string, Record<string, unknown>]>([
    ["a digest alone", { "app.image": `ghcr.io/example/app@${digest}` }],
    ["a digest beside latest", { "app.image": `ghcr.io/example/app:latest@${digest}` }],
    ["a commit for a tag", { "app.image": "registry.example:5000/team/app:git-3f2a91c" }],
    ["a Postgres digest beside its major", { "postgres.image": `postgres:17@${digest}` }],
    ["the world, in so many words", { "ssh.sources": ["0.0.0.0/0", "::/0"], "ssh.openToWorld": true }],
    ["the world without a list", { "ssh.sources": [], "ssh.openToWorld": true }],
    ["another Redis for the application", { "app.env": { REDIS_URL: "rediss://cache.example:6380", REDIS_PASSWORD_FILE: "/run/secrets/CACHE" }, "secrets.app": { CACHE: "x" } }],
    ["an id and a public key", { "app.env": { AWS_ACCESS_KEY_ID: "AKIA", JWT_PUBLIC_KEY: "abc", KEYBOARD: "us" } }],
    ["an API without a canary that only adds jobs", { "app.canaryPath": null, "api.listens": false }],
    ["a ceiling of exactly what is opened", { "redis.connectionCeiling": 10 }],
    ["a private registry with its password", { registry: { server: "ghcr.io", username: "me" }, "secrets.registryPassword": "x" }],
    ["a migration as long as the rest of the release leaves it", { "app.migrate": ["x"], "app.migrateSeconds": 3_435 }],
    ["the default, beside data that takes an hour to load", { "app.migrate": ["x"], "redis.loadSeconds": 3_600, "app.startupSeconds": 3_600 }],
    ["a bound of what there is none of", { "app.migrateSeconds": 3_600 }],
    ["several lines in a secret", { "secrets.app": { CERTIFICATE: "-----BEGIN\nabc\n-----END\n" } }],
  ])("%s", (_name, changes) => {
    expect(lines(changes)).toEqual([]);
  });
});

describe("one message", () => {
  test("it lists the faults of single keys and of keys together, and ends with what to do next", () => {
    const message = messageOf({ "app.port": "x", "app.colour": 1, "redis.maxmemoryMb": 500, "app.image": "app", "secrets.deployKey": undefined, "ssh.sources": [] });
    expect(message).toMatchInlineSnapshot(`
      "app.port: required a whole number; found "x"
      app.colour: required one of image, architectures, uid, port, queues, env, migrate, migrateSeconds, readyPath, canaryPath, heartbeatKey, startupSeconds; found an unknown key
      secrets.deployKey: required an ed25519 private key in OpenSSH's format; found nothing
      app.image: required a digest (@sha256:…) or a tag with a version (such as :1.4.2), which mean the same tomorrow; found "app"
      ssh.sources: required at least one address range that may reach port 22 (or ssh.openToWorld: true); found an empty list
      redis.maxmemoryMb: required at most 192: (redis.memoryMb 512 - 128) / 2, because an AOF rewrite forks; found 500
      next: correct these keys in Pulumi.<stack>.yaml (\`npx berth init <stack>\` writes missing secrets), then run the same command again; nothing was touched"
    `);
  });

  test("a rule that reads a broken key keeps silent, so that one mistake is one line", () => {
    expect(lines({ "redis.memoryMb": "a lot" })).toEqual(['redis.memoryMb: required a whole number; found "a lot"']);
  });

  test("an empty configuration lists everything that is required", () => {
    expect(messageFor({})).toMatchInlineSnapshot(`
      "server.type: required a Hetzner name, such as cx33 for a server type; found nothing
      app.image: required an image reference such as ghcr.io/example/app:1.4.2; found nothing
      app.queues: required a list of queue names; found nothing
      secrets.postgresPassword: required a password of printable ASCII; found nothing
      secrets.deployKey: required an ed25519 private key in OpenSSH's format; found nothing
      secrets.hostKey: required an ed25519 private key in OpenSSH's format; found nothing
      ssh.sources: required at least one address range that may reach port 22 (or ssh.openToWorld: true); found an empty list
      secrets.redisPassword: required a password for Berth's own Redis (or secrets.redisUrl, for a managed one); found nothing
      next: correct these keys in Pulumi.<stack>.yaml (\`npx berth init <stack>\` writes missing secrets), then run the same command again; nothing was touched"
    `);
  });

  test.each([undefined, null, 7, "x", []])("%j is no configuration", (input) => {
    expect(messageFor(input)).toMatch(/^berth: required a map; found /);
  });

  test("a secret pasted into another key is struck out of the message", () => {
    const message = messageOf({ "app.image": `app:${secrets.redisPassword} ` });
    expect(message).toContain("[secret]");
    expect(message).not.toContain(secrets.redisPassword);
  });

  test("a key with a newline cannot break the line", () => {
    expect(lines({ "app.env": { "A\nB": "x" } })).toEqual([
      'app.env["A\\nB"]: required a name of capital letters, digits and _ (an environment variable); found another name',
    ]);
  });
});

describe("against the server's real size", () => {
  const config = parseConfig(good());

  test("it fits", () => {
    expect(sizeFaults(config, cx33)).toEqual([]);
  });

  test("memory limits over the size less the reserve, the one-shot counted once", () => {
    expect(sizeFaults(config, { ...cx33, memoryMb: 2048 }).map(faultLine)).toEqual([
      "server.type: required memory limits of at most 1536 MiB together (cx33 has 2048, host.reserveMb keeps 512), or a larger type; found 2240 MiB (redis 512, postgres 512, api 384, worker 512, proxy 128, verify 192)",
    ]);
  });

  test("exactly full is not too full", () => {
    expect(sizeFaults(config, { ...cx33, memoryMb: 2240 + 512 })).toEqual([]);
    expect(sizeFaults(config, { ...cx33, memoryMb: 2240 + 511 })).toHaveLength(1);
  });

  test("a migration takes the verifier's place in the sum", () => {
    const migrating = parseConfig(spoilt({ "app.migrate": ["node", "migrate.js"] }));
    expect(sizeFaults(migrating, { ...cx33, memoryMb: 1024 }).map(faultLine)).toEqual([expect.stringContaining("found 2304 MiB")]);
  });

  test("an architecture that the image lacks", () => {
    expect(sizeFaults(config, { ...cx33, architecture: "arm" }).map(faultLine)).toEqual([
      "app.architectures: required arm, which cx33 is: build the image for it and say so here, or take another server type; found x86",
    ]);
  });

  test("a root disk too small for two releases", () => {
    expect(sizeFaults(config, { ...cx33, diskGb: 10 }).map(faultLine)).toEqual([
      "server.type: required a root disk of at least 20 GB, for the system and the images of two releases; found 10 GB",
    ]);
  });

  test("it joins the same message as every other fault", () => {
    expect(lines({ "app.port": 0 }, { ...cx33, memoryMb: 1024 })).toEqual([
      "app.port: required at least 1; found 0",
      expect.stringMatching(/^server\.type: required memory limits of at most 512 MiB together/),
    ]);
  });
});

test("user data over 32 KiB, counted in bytes", () => {
  expect(userDataFaults("a".repeat(32_768))).toEqual([]);
  expect(userDataFaults("ä".repeat(16_385)).map(faultLine)).toEqual([
    "server (user data): required at most 32768 bytes of cloud-init user data, Hetzner's limit; found 32770 bytes",
  ]);
});

function messageOf(changes: Readonly<Record<string, unknown>>): string {
  return messageFor(spoilt(changes));
}

function messageFor(input: unknown): string {
  try {
    parseConfig(input);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}
