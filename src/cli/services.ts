/** What runs on a server, by the names that Compose knows them by. */
export const SERVICES = ["redis", "postgres", "api", "worker", "proxy"] as const;

export function isService(name: string): boolean {
  return SERVICES.some((service) => service === name);
}
