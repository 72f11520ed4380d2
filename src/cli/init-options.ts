import { parseArgs } from "node:util";
import { secretMakers, type GeneratedName } from "../config/generate.ts";
import { messageOf } from "../verify/words.ts";
import { UsageError } from "./command.ts";

/** What `berth init` was told on its command line. Absent: not told. */
export interface InitOptions {
  readonly stack: string;
  /** Ask nothing. */
  readonly yes: boolean;
  /** Create the stack when there is none. */
  readonly create: boolean;
  /** Take the Hetzner token from HCLOUD_TOKEN and keep it with the stack. */
  readonly storeToken: boolean;
  readonly rotate: readonly GeneratedName[];
  /** Path under `berth:` -> value. An empty text takes the setting out. */
  readonly settings: Readonly<Record<string, string | readonly string[]>>;
}

/** Flag -> path. */
const texts = {
  domain: "domain",
  "acme-email": "acme.email",
  "server-type": "server.type",
  location: "server.location",
  image: "app.image",
  "registry-server": "registry.server",
  "registry-username": "registry.username",
  "redis-connections": "redis.managed.connections",
} as const;
const lists = { "ssh-source": "ssh.sources", queue: "app.queues" } as const;

/** The flag that says a setting, for its path or one below it; undefined: none does. */
export function flagOf(path: string): string | undefined {
  const found = Object.entries({ ...texts, ...lists }).find(([, setting]) => path === setting || path.startsWith(`${setting}[`));
  return found === undefined ? undefined : `--${found[0]}`;
}

export const help = `
It asks for what the stack does not say yet, generates the secrets it has not got, and hands each to Pulumi's encryption
by standard input. What is there stays, so it may be run again; an option, and --rotate, put another value in the place of one.

options
  --yes                     ask nothing; what is missing is an error
  --create                  create the stack when there is none
  --server-type=TYPE        Hetzner server type, such as cx33
  --location=NAME           Hetzner location, such as nbg1
  --ssh-source=CIDR         who may reach port 22; may be repeated
  --domain=NAME             name with automatic HTTPS; --domain= for plain HTTP
  --acme-email=ADDRESS      address the certificate authority may write to
  --image=IMAGE             the application's image, with a version or digest
  --queue=NAME              a Bull queue; may be repeated
  --registry-server=HOST    private registry; its password is asked for, or
                            taken from BERTH_REGISTRY_PASSWORD
  --registry-username=NAME  user name there
  --redis-connections=N     a managed Redis whose plan allows N; its URL is
                            asked for, or taken from BERTH_REDIS_URL.
                            --redis-connections= for a Redis of Berth's own
  --store-token             keep HCLOUD_TOKEN with the stack, encrypted
  --rotate=NAME             generate this secret anew; may be repeated:
${Object.keys(secretMakers).map((name) => `                              ${name}`).join("\n")}
                            deployKey takes three, with a pulumi up after
                            each: add, switch, drop

example
  berth init prod --create
  berth init prod --yes --server-type=cx33 --ssh-source=203.0.113.7/32 \\
    --image=ghcr.io/example/app:1.0.0 --queue=file --queue=email
`;

/** @throws {UsageError} naming the option that is wrong. */
export function initOptions(args: readonly string[]): InitOptions {
  const { values, positionals } = parsed(args);
  const [stack, ...more] = positionals;
  if (stack === undefined || more.length > 0) throw new UsageError(`required one stack name, such as prod; found ${positionals.length === 0 ? "none" : positionals.join(" ")}`);
  if (!/^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+){0,2}$/.test(stack)) throw new UsageError(`required a stack name of letters, digits, - _ and .; found ${JSON.stringify(stack)}`);
  const settings: Record<string, string | readonly string[]> = {};
  for (const [flag, path] of Object.entries({ ...texts, ...lists })) {
    const value = values[flag];
    if (typeof value === "string" || Array.isArray(value)) settings[path] = typeof value === "string" ? value : value.map(String);
  }
  const rotate = Array.isArray(values["rotate"]) ? values["rotate"].map(String) : [];
  return {
    stack,
    yes: values["yes"] === true,
    create: values["create"] === true,
    storeToken: values["store-token"] === true,
    rotate: rotate.map(generatedName),
    settings,
  };
}

function parsed(args: readonly string[]) {
  const flags = Object.fromEntries(["yes", "create", "store-token"].map((name) => [name, { type: "boolean" } as const]));
  const single = Object.fromEntries(Object.keys(texts).map((name) => [name, { type: "string" } as const]));
  const multiple = Object.fromEntries([...Object.keys(lists), "rotate"].map((name) => [name, { type: "string", multiple: true } as const]));
  try {
    return parseArgs({ args: [...args], options: { ...flags, ...single, ...multiple }, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function generatedName(name: string): GeneratedName {
  if (isGenerated(name)) return name;
  throw new UsageError(`--rotate: required one of ${Object.keys(secretMakers).join(", ")}; found ${JSON.stringify(name)}`);
}

function isGenerated(name: string): name is GeneratedName {
  return Object.hasOwn(secretMakers, name);
}
