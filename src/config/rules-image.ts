import type { Fault } from "./fault.ts";
import { foundText } from "./fault.ts";
import { canonicalRegistry, imageMajor, isVersioned, parseImage } from "./image.ts";
import { isManaged } from "./managed.ts";
import type { Rule } from "./rules.ts";
import type { Config } from "./schema.ts";

/** Rules about images and the registry they come from. */

/** What `release.env` can hold between single quotes. */
const RELEASE_ENV = /^[A-Za-z0-9 _./:@,=+-]*$/;

function imageFaults(path: string, image: string | undefined): Fault[] {
  if (image === undefined) return [];
  const found = foundText(image);
  const reference = parseImage(image);
  if (reference === undefined) return [{ path, required: "an image reference such as ghcr.io/example/app:1.4.2", found }];
  if (!RELEASE_ENV.test(image)) return [{ path, required: "an image of letters, digits and _ . / : @ -, which release.env can hold", found }];
  if (!isVersioned(reference)) {
    return [{ path, required: "a digest (@sha256:…) or a tag with a version (such as :1.4.2), which mean the same tomorrow", found }];
  }
  return [];
}

/** Data outlives the image, and no major reads another's: the rollback has to know it. */
function majorFaults(path: string, image: string, example: string): Fault[] {
  const reference = parseImage(image);
  if (reference === undefined || !isVersioned(reference) || imageMajor(reference) !== undefined) return [];
  return [{ path, required: `a tag that begins with the major version, such as ${example}, beside any digest`, found: foundText(image) }];
}

function imageRule(path: string, read: (config: Config) => string | undefined): Rule {
  return { reads: [path], judge: (config) => imageFaults(path, read(config)) };
}

function images(config: Config): string[] {
  return [config.app.image, isManaged(config) ? undefined : config.redis.image, config.postgres.image, config.proxy.image, config.verify.image].filter((it) => it !== undefined);
}

export const imageRules: readonly Rule[] = [
  imageRule("app.image", (config) => config.app.image),
  imageRule("redis.image", (config) => config.redis.image),
  imageRule("postgres.image", (config) => config.postgres.image),
  imageRule("proxy.image", (config) => config.proxy.image),
  imageRule("verify.image", (config) => config.verify.image),
  { reads: ["redis.image"], judge: (config) => majorFaults("redis.image", config.redis.image, "redis:8.0.5") },
  { reads: ["postgres.image"], judge: (config) => majorFaults("postgres.image", config.postgres.image, "postgres:17.6") },
  {
    reads: ["registry", "secrets.registryPassword"],
    judge: ({ registry, secrets }) => {
      if (registry !== undefined && secrets.registryPassword === undefined) {
        return [{ path: "secrets.registryPassword", required: `the password of ${registry.username} at ${registry.server}`, found: "nothing" }];
      }
      if (registry === undefined && secrets.registryPassword !== undefined) {
        return [{ path: "registry", required: "a server and a username, which secrets.registryPassword is for", found: "nothing" }];
      }
      return [];
    },
  },
  {
    reads: ["registry", "secrets.redisUrl", "app.image", "redis.image", "postgres.image", "proxy.image", "verify.image"],
    judge: (config) => {
      if (config.registry === undefined) return [];
      const references = images(config).map(parseImage);
      const server = canonicalRegistry(config.registry.server);
      if (references.some((it) => it === undefined || it.registry === server)) return [];
      const hosts = [...new Set(references.map((it) => it?.registry ?? ""))].join(", ");
      return [{ path: "registry.server", required: `a registry that an image comes from (${hosts})`, found: foundText(config.registry.server) }];
    },
  },
];
