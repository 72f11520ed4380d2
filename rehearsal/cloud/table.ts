import { actionRoutes } from "./action-routes.ts";
import { catalogRoutes } from "./catalog-routes.ts";
import { ApiError } from "./errors.ts";
import { firewallRoutes } from "./firewalls.ts";
import { networkRoutes } from "./networks.ts";
import { primaryIpRoutes } from "./primary-ips.ts";
import type { Route } from "./route.ts";
import { serverActionRoutes } from "./server-actions.ts";
import { serverRoutes } from "./servers.ts";
import { sshKeyRoutes } from "./ssh-keys.ts";
import { volumeRoutes } from "./volumes.ts";

/** Every route of the API, in the order in which it is tried. */
export const ROUTES: readonly Route[] = [
  ...sshKeyRoutes,
  ...firewallRoutes,
  ...primaryIpRoutes,
  ...networkRoutes,
  ...actionRoutes,
  ...serverRoutes,
  ...serverActionRoutes,
  ...volumeRoutes,
  ...catalogRoutes,
];

/** `POST /servers/{id}/actions/reboot`: how faults and the request log name a route. */
export function patternOf(route: Route): string {
  return `${route.method} ${route.path}`;
}

export interface Match {
  readonly route: Route;
  readonly id: number;
  readonly actionId: number;
}

const compiled = ROUTES.map((route) => ({
  route,
  regex: new RegExp(`^${route.path.replace("{id}", "(?<id>\\d{1,15})").replace("{action_id}", "(?<action>\\d{1,15})")}$`),
}));

/** @throws {ApiError} not_found for an unknown path, method_not_allowed for a known one */
export function match(method: string, path: string): Match {
  const onPath = compiled.flatMap(({ route, regex }) => {
    const groups = regex.exec(path);
    return groups === null ? [] : [{ route, id: Number(groups.groups?.id ?? 0), actionId: Number(groups.groups?.action ?? 0) }];
  });
  const [first] = onPath;
  if (first === undefined) throw new ApiError("not_found", `the stand-in has no ${path}`);
  const matched = onPath.find(({ route }) => route.method === method);
  if (matched === undefined) throw new ApiError("method_not_allowed", `${method} is not allowed on ${first.route.path}`);
  return matched;
}
