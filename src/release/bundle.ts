import { composeText } from "../compose/file.ts";
import { INSIDE, type Sources } from "../compose/paths.ts";
import { firstOf, type Here, serves } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import { caddyfile } from "../host/caddyfile.ts";
import { DEPLOY_KEYS_PATH, deployKeysText } from "../host/sshd.ts";
import { hostTree } from "../host/tree.ts";
import { redisConf } from "../redis/conf.ts";
import { redisSettings } from "../redis/settings.ts";
import type { Expectations } from "../verify/types.ts";
import { digestOf, fileAddress, releaseAddress, SCRIPTS, SECRETS, short, verifierAddress } from "./addresses.ts";
import { document } from "./document.ts";
import type { Entry } from "./entry.ts";
import { envText } from "./env.ts";
import { expectations } from "./expectations.ts";
import { releaseEnv } from "./release-env.ts";
import { type SecretFiles, secretFiles } from "./secrets.ts";

export interface BundleInput {
  readonly config: Config;
  /** Public keys that may deploy, a line each. */
  readonly deployKeys: readonly string[];
  /** Which node of the stack this is; its first unless given. */
  readonly here?: Here;
  /** Hetzner's id of the data volume; null on a node that keeps nothing. */
  readonly volumeId: string | null;
  /** Its size in GB as Hetzner has it; unless given, as configured. */
  readonly volumeGb?: number;
  /** The scripts of `server/`: path below it -> text. */
  readonly scripts: Readonly<Record<string, string>>;
  /** SHA-256 of the verifier bundle, in hex. */
  readonly verifierDigest: string;
}

/** A release: everything that is laid down on the host, and its name. */
export interface ReleaseBundle {
  /** SHA-256 over compose.yaml, release.env less this digest, the host settings and the scripts. */
  readonly digest: string;
  /** The first 12 hex digits of it: what the release is called. */
  readonly r12: string;
  /** Path of this release's own `server/berth` on the host. */
  readonly program: string;
  readonly expectations: Expectations;
  /** Text of compose.yaml. */
  readonly compose: string;
  readonly files: readonly Entry[];
  /** Secret. */
  readonly secrets: readonly Entry[];
  /** Shell document that lays `files` down, for `sudo sh -eu` on its standard input. */
  readonly filesDocument: string;
  /** The same for `secrets`. Secret. */
  readonly secretsDocument: string;
}

/** Directories whose files nobody but their readers may list. */
const SECRETS_MODE = "0711";

function file(path: string, text: string, mode = "0644"): Entry {
  return { path, mode, uid: 0, gid: 0, text };
}

function addressed(name: string, text: string): Entry {
  return file(fileAddress(name, text), text);
}

/** The files to be mounted: redis.conf, Caddyfile, expect.json, each under the address of its content. */
function mountedFiles(config: Config, expected: Expectations, here: Here) {
  const { caCertificate } = config.redis.managed;
  const redisCa = caCertificate === undefined ? null : addressed("redis-ca.crt", `${caCertificate.trim()}\n`);
  const files = {
    redisConf: addressed("redis.conf", redisConf(redisSettings(config, INSIDE.redisAuth))),
    caddyfile: addressed("Caddyfile", caddyfile(config, here)),
    expectations: addressed("expect.json", `${JSON.stringify(expected, null, 2)}\n`),
  };
  // What no service here mounts is not laid down here.
  const laid = [...(serves(here, "redis") ? [files.redisConf] : []), ...(serves(here, "proxy") ? [files.caddyfile] : []), ...(redisCa === null ? [] : [redisCa]), files.expectations];
  return { ...files, redisCa, laid };
}

function sourcesOf(mounted: ReturnType<typeof mountedFiles>, secrets: SecretFiles, verifierDigest: string): Sources {
  return {
    redisConf: mounted.redisConf.path,
    redisCa: mounted.redisCa?.path ?? null,
    caddyfile: mounted.caddyfile.path,
    expectations: mounted.expectations.path,
    verifier: verifierAddress(verifierDigest),
    redisAuth: secrets.redisAuth,
    redisPassword: secrets.redisPassword,
    postgresPassword: secrets.postgresPassword,
    app: secrets.app,
  };
}

interface Scripts {
  readonly digest: string;
  /** Where they are laid down. */
  readonly directory: string;
  readonly entries: readonly Entry[];
}

/** Every node has the same ones, and they are most of a release's bytes: read once, by the object that they are in, which nobody writes to. */
const knownScripts = new WeakMap<Readonly<Record<string, string>>, Scripts>();

/**
 * A script that says how it is run is a program; the others are read by it. They are laid down by content, so that a release keeps
 * the scripts it was made with while a newer one arrives.
 */
function scriptsOf(scripts: Readonly<Record<string, string>>): Scripts {
  const known = knownScripts.get(scripts);
  if (known !== undefined) return known;
  const digest = digestOf(scripts);
  const directory = `${SCRIPTS}/${short(digest)}`;
  const entries = Object.entries(scripts)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => file(`${directory}/${name}`, text, text.startsWith("#!") ? "0755" : "0644"));
  const made = { digest, directory, entries };
  knownScripts.set(scripts, made);
  return made;
}

/**
 * Render a release. The same input gives the same bytes, and with them the same name: a second deployment changes nothing.
 */
export function releaseBundle({ config, here = firstOf(config), deployKeys, volumeId, volumeGb, scripts, verifierDigest }: BundleInput): ReleaseBundle {
  const expected = expectations(config, volumeId, here);
  const mounted = mountedFiles(config, expected, here);
  const secrets = secretFiles(config, here);
  const compose = composeText(config, sourcesOf(mounted, secrets, verifierDigest), here);
  const host = hostTree(config, volumeId, volumeGb, here);
  const { digest: scriptsDigest, directory: scriptsDirectory, entries: scriptEntries } = scriptsOf(scripts);
  const env = releaseEnv(config, volumeId, secrets, short(scriptsDigest), here);

  const digest = digestOf({
    "compose.yaml": compose,
    "release.env": envText(env),
    scripts: scriptsDigest,
    ...Object.fromEntries(host.map(({ path, text }) => [`host${path}`, text])),
  });
  const r12 = short(digest);

  const files: Entry[] = [
    ...scriptEntries,
    ...mounted.laid,
    ...host.map((entry) => ({ ...entry, path: releaseAddress(r12, `host${entry.path}`) })),
    // Of the stack and not of a release: going back to an earlier release must not bring an earlier key back, or lock the present one out.
    file(DEPLOY_KEYS_PATH, deployKeysText(deployKeys)),
    file(releaseAddress(r12, "compose.yaml"), compose),
    file(releaseAddress(r12, "release.env"), envText({ BERTH_RELEASE: r12, ...env })),
  ];
  return {
    digest,
    r12,
    program: `${scriptsDirectory}/berth`,
    expectations: expected,
    compose,
    files,
    secrets: secrets.entries,
    filesDocument: document({
      title: "Berth: the files of a release",
      base: { variable: "release", path: releaseAddress(r12) },
      entries: files,
      summed: [scriptsDirectory, releaseAddress(r12)],
      links: [{ path: `${SCRIPTS}/current`, target: short(scriptsDigest) }],
    }),
    secretsDocument: document({
      // Without the release's name: secrets that are the same are not laid down again.
      title: "Berth: secrets",
      directories: [{ path: SECRETS, mode: SECRETS_MODE }],
      entries: secrets.entries,
    }),
  };
}
