import { existsSync } from "node:fs";

/**
 * Whether this process runs in a container. Docker and Podman leave a file; Kubernetes sets a variable; Berth names the
 * process. All of them are looked at, because each engine gives only its own sign. BERTH_ON_HOST=true says that it does not, to the
 * services: `npm run dev` knows where their ports are, also when the machine itself is a container.
 */
export function inContainer(env: NodeJS.ProcessEnv = process.env, exists: (path: string) => boolean = existsSync): boolean {
  if (env["BERTH_ON_HOST"] === "true") return false;
  return env["BERTH_PROCESS"] !== undefined || env["KUBERNETES_SERVICE_HOST"] !== undefined || exists("/.dockerenv") || exists("/run/.containerenv");
}

/**
 * The address of a service for where this process runs. Inside the Compose network `redis` is a host name; on the
 * developer's machine it is not, and the port is published on localhost. So in development, on the host,
 * `redis://redis:6379` becomes `redis://localhost:6379`; in a container or in production the URL is left as it is.
 */
export function resolveServiceUrl(url: string, service: string, env: NodeJS.ProcessEnv = process.env, contained: boolean = inContainer(env)): string {
  if (env["NODE_ENV"] === "production" || contained) return url;
  // Only the host name changes, so the text around it is kept to the letter: a password may hold what a parser would re-encode.
  const parts = /^([a-z][a-z+]*:\/\/(?:[^@/]*@)?)([^:/?#]+)(.*)$/i.exec(url);
  if (parts === null || parts[2] !== service) return url;
  return `${parts[1] ?? ""}localhost${parts[3] ?? ""}`;
}

/** `resolveServiceUrl` for the service `redis`. */
export function resolveRedisUrl(url: string, env: NodeJS.ProcessEnv = process.env, contained: boolean = inContainer(env)): string {
  return resolveServiceUrl(url, "redis", env, contained);
}
