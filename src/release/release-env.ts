import { MOUNT } from "../compose/paths.ts";
import { stopSeconds, verifySeconds, waitSeconds } from "../compose/periods.ts";
import { publishedPorts } from "../compose/proxy.ts";
import { verifyImage } from "../compose/verify.ts";
import type { Config } from "../config/schema.ts";
import { volumeDevice } from "./addresses.ts";
import type { SecretFiles } from "./secrets.ts";

/** What the host's scripts need of a release, less its own name. The keys are those of docs/architecture.md. */
export function releaseEnv(config: Config, volumeId: string, secrets: SecretFiles): Record<string, string> {
  const { app, redis, postgres, proxy, registry } = config;
  const images = new Set([redis.image, postgres.image, proxy.image, app.image, verifyImage(config)]);
  return {
    BERTH_PROJECT: config.project,
    BERTH_IMAGES: [...images].join(" "),
    BERTH_STATEFUL: `redis=${redis.image} postgres=${postgres.image}`,
    BERTH_MIGRATE: app.migrate.length > 0 ? "1" : "0",
    BERTH_WAIT_SECONDS: String(waitSeconds(config)),
    BERTH_STOP_SECONDS: String(stopSeconds(config)),
    BERTH_VERIFY_SECONDS: String(verifySeconds(config)),
    BERTH_VOLUME_ID: volumeId,
    BERTH_VOLUME_DEVICE: volumeDevice(volumeId),
    BERTH_MOUNT: MOUNT,
    BERTH_REDIS_UID: String(redis.uid),
    BERTH_POSTGRES_UID: String(postgres.uid),
    BERTH_PROXY_UID: String(proxy.uid),
    BERTH_PORTS: publishedPorts(config).join(" "),
    BERTH_REGISTRY: registry?.server ?? "",
    BERTH_REGISTRY_USER: registry?.username ?? "",
    BERTH_REGISTRY_SECRET: secrets.registryPassword ?? "",
    BERTH_REDIS_SECRET: secrets.redisPassword,
  };
}
