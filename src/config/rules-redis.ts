import { X509Certificate } from "node:crypto";
import { foundText, type Fault } from "./fault.ts";
import { isLoopback, isManaged, isPrivate, readRedisUrl } from "./managed.ts";
import { OVERRIDABLE } from "./rules-application.ts";
import type { Rule } from "./rules.ts";
import { configSchema, type Config } from "./schema.ts";

/** Rules about whose Redis it is: Berth's own, with its settings, or a provider's, with those. Never both. */

/** Settings of Berth's own Redis, which mean nothing for another's. */
const OWN = ["image", "uid", "memoryMb", "maxmemoryMb", "maxclients", "appendfsync", "cpuShares", "loadSeconds"] as const;
const MANAGED = ["connections", "persistence", "caCertificate", "serverName", "plaintext"] as const;

/** Pulumi hands defaults over like settings: what differs from its default was set. */
const defaults = configSchema.shape.redis.parse(undefined);

function whose({ secrets }: Config): Fault[] {
  if (secrets.redisUrl !== undefined && secrets.redisPassword !== undefined) {
    return [{
      path: "secrets.redisPassword",
      required: "nothing beside secrets.redisUrl, which holds the managed Redis's own password (`npx pulumi config rm --path berth:secrets.redisPassword`), or no secrets.redisUrl",
      found: "both",
    }];
  }
  if (secrets.redisUrl === undefined && secrets.redisPassword === undefined) {
    return [{ path: "secrets.redisPassword", required: "a password for Berth's own Redis (or secrets.redisUrl, for a managed one)", found: "nothing" }];
  }
  return [];
}

function meaningless(config: Config): Fault[] {
  if (isManaged(config)) {
    return OWN.filter((name) => config.redis[name] !== defaults[name]).map((name) => ({
      path: `redis.${name}`,
      required: "not to be set beside secrets.redisUrl: it is about Berth's own Redis, and the managed one has its provider's",
      found: foundText(config.redis[name]),
    }));
  }
  return MANAGED.filter((name) => config.redis.managed[name] !== defaults.managed[name]).map((name) => ({
    path: `redis.managed.${name}`,
    required: "not to be set without secrets.redisUrl: it is about a managed Redis, and this is Berth's own",
    found: name === "caCertificate" ? "a certificate" : foundText(config.redis.managed[name]),
  }));
}

function urlFaults({ secrets, redis }: Config): Fault[] {
  if (secrets.redisUrl === undefined) return [];
  const path = "secrets.redisUrl";
  const address = readRedisUrl(secrets.redisUrl.reveal());
  if (typeof address === "string") return [{ path, required: "rediss://USER:PASSWORD@HOST:PORT", found: address }];
  const { host, tls, hasPassword } = address;
  const faults: Fault[] = [];
  if (!hasPassword) faults.push({ path, required: "a password in the URL: a Redis without one is anybody's who reaches it", found: "a URL without a password" });
  if (isLoopback(host)) faults.push({ path, required: "the managed Redis's host", found: `${host}, which in a container is the container itself` });
  else if (!tls && !isPrivate(host) && !redis.managed.plaintext) {
    faults.push({ path, required: "rediss:// (or redis.managed.plaintext: true, in so many words): redis:// sends the password and every job unencrypted", found: "redis:// to a host that is not on a private network" });
  }
  const tlsOnly = (["caCertificate", "serverName"] as const).filter((name) => !tls && redis.managed[name] !== undefined);
  return [...faults, ...tlsOnly.map((name) => ({ path: `redis.managed.${name}`, required: "rediss:// in secrets.redisUrl: without TLS there is no certificate to check", found: "redis://" }))];
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function certificateFaults({ redis }: Config): Fault[] {
  const text = redis.managed.caCertificate;
  if (text === undefined) return [];
  const path = "redis.managed.caCertificate";
  const required = "the provider's CA certificate in PEM, -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----";
  if (text.includes("PRIVATE KEY")) return [{ path, required, found: "a private key (not shown)" }];
  const blocks = text.match(PEM) ?? [];
  if (blocks.length === 0) return [{ path, required, found: "text without a certificate" }];
  return blocks.every(isCertificate) ? [] : [{ path, required, found: "a damaged certificate" }];
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

/** Names by which a stack leads its application to another Redis; beside a managed one they would lead it past that. */
function overrides({ app, secrets }: Config): Fault[] {
  if (secrets.redisUrl === undefined) return [];
  return Object.keys(app.env)
    .filter((name) => OVERRIDABLE.has(name) && name.startsWith("REDIS_"))
    .map((name) => ({ path: `app.env.${name}`, required: "nothing beside secrets.redisUrl, which Berth hands to the application", found: "another way to a Redis" }));
}

export const redisRules: readonly Rule[] = [
  { reads: ["secrets.redisUrl", "secrets.redisPassword"], judge: whose },
  { reads: ["secrets.redisUrl", "redis"], judge: meaningless },
  { reads: ["secrets.redisUrl", "redis.managed"], judge: urlFaults },
  { reads: ["redis.managed.caCertificate"], judge: certificateFaults },
  { reads: ["secrets.redisUrl", "app.env"], judge: overrides },
  {
    reads: ["secrets.redisUrl", "redis.managed.connections"],
    judge: (config) =>
      !isManaged(config) || config.redis.managed.connections !== undefined
        ? []
        : [{ path: "redis.managed.connections", required: "how many connections the provider's plan allows: the application's budget is held against it", found: "nothing" }],
  },
];
