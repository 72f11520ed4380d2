/** What a stack is made of. A service of the Compose file has the name of its role. */

export const ROLES = ["proxy", "api", "worker", "redis", "postgres"] as const;
export type Role = (typeof ROLES)[number];

/** The same, those first that others need: the order of the Compose file, and of what a person reads. */
export const SERVICES = ["redis", "postgres", "api", "worker", "proxy"] as const satisfies readonly Role[];

/** Whether it is a service that runs all the time, as opposed to `migrate` and `verify`. */
export function isService(name: string): name is Role {
  return SERVICES.some((service) => service === name);
}
