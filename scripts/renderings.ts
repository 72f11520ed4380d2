import { composeDevText, DEV_MAXMEMORY_MB } from "../src/compose/dev.ts";
import { INSIDE } from "../src/compose/paths.ts";
import { parseYaml } from "../src/compose/yaml.ts";
import { configSchema, type Config } from "../src/config/schema.ts";
import { caddyfile } from "../src/host/caddyfile.ts";
import { cloudInitText } from "../src/host/cloud-init.ts";
import { firewallRules } from "../src/host/firewall.ts";
import { hostTree } from "../src/host/tree.ts";
import { redisConf } from "../src/redis/conf.ts";
import { redisSettings } from "../src/redis/settings.ts";
import { releaseBundle } from "../src/release/bundle.ts";

/** The committed renderings: what the settings in Pulumi.prod.yaml become. Pure; `render.ts` reads and writes. */

/** Stands where Hetzner's id of the volume will. */
const VOLUME_ID = "12345678";
/** Stands where the verifier's digest will; it changes with every line of the verifier. */
const VERIFIER_DIGEST = "0".repeat(64);
/** Stands where the stack's secrets will. The names of secret files follow from it. */
const SECRET = "placeholder";

/**
 * The settings of a stack's file, with placeholders for its secrets.
 * @throws when the file is not what the schema takes.
 */
export function placeholderConfig(stackYaml: string): Config {
  const stack = parseYaml(stackYaml);
  const values = typeof stack === "object" && stack !== null && "config" in stack && typeof stack.config === "object" ? stack.config : null;
  if (values === null) throw new Error("rendering Pulumi.prod.yaml: required: a map under `config`; found none; restore it from git");
  const own = Object.entries(values)
    .filter(([key]) => key.startsWith("berth:"))
    .map(([key, value]): [string, unknown] => [key.slice("berth:".length), value]);
  const secrets = { redisPassword: SECRET, postgresPassword: SECRET, deployKey: SECRET, hostKey: SECRET, registryPassword: SECRET };
  return configSchema.parse({ ...Object.fromEntries(own), secrets });
}

const DEPLOY_KEY = "ssh-ed25519 (public half of berth:secrets.deployKey)";

/** Path from the repository's root -> text. */
export function renderings(config: Config): Record<string, string> {
  const { compose, expectations } = releaseBundle({ config, deployKeys: [DEPLOY_KEY], volumeId: VOLUME_ID, scripts: {}, verifierDigest: VERIFIER_DIGEST });
  const host: Record<string, string> = Object.fromEntries(hostTree(config, VOLUME_ID).map(({ path, text }) => [`host${path}`, text]));
  return {
    "compose/prod.yaml": compose,
    "compose/dev.yaml": composeDevText(config),
    "compose/Caddyfile": caddyfile(config),
    "compose/expect.json": `${JSON.stringify(expectations, null, 2)}\n`,
    "redis/redis.conf": redisConf(redisSettings(config, INSIDE.redisAuth)),
    "redis/dev.conf": redisConf({ ...redisSettings(config, ""), maxmemoryMb: DEV_MAXMEMORY_MB, authFile: null }),
    "host/cloud-init.yaml": cloudInitText({
      authorizedKeys: [DEPLOY_KEY],
      hostKeyPrivate: "(berth:secrets.hostKey)\n",
      hostKeyPublic: "ssh-ed25519 (public half of berth:secrets.hostKey)",
    }),
    "host/hetzner-firewall.json": `${JSON.stringify(firewallRules(config), null, 2)}\n`,
    ...host,
  };
}
