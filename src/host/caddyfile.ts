import { readinessPort } from "../compose/between.ts";
import { PROXY_HEALTH_PORT } from "../compose/paths.ts";
import { type Here, firstOf, remoteApis } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";

/** Let's Encrypt's staging directory: untrusted certificates, generous limits. */
const STAGING_CA = "https://acme-staging-v02.api.letsencrypt.org/directory";

/** How long a request waits for the API to come back: longer than a restart of it, shorter than a client's patience. */
const RETRY_SECONDS = 30;

function globalOptions({ acme, domain }: Config): string {
  const lines = [
    "# No API to change this at run time: a changed Caddyfile is a new container.",
    "admin off",
    "# Open requests have this long when the proxy stops.",
    "grace_period 10s",
  ];
  if (domain === undefined) lines.push("auto_https off");
  if (domain !== undefined && acme.email !== undefined) lines.push(`email ${acme.email}`);
  const directory = acme.directory ?? (acme.staging ? STAGING_CA : undefined);
  if (domain !== undefined && directory !== undefined) lines.push(`acme_ca ${directory}`);
  // HTTP/3 would need a published UDP port; without one, clients must not be told of it.
  lines.push("servers {", "\tprotocols h1 h2", "}");
  return block("", lines);
}

function block(head: string, lines: readonly string[]): string {
  return `${head}${head === "" ? "" : " "}{\n${lines.map((line) => (line === "" ? "\n" : `\t${line}\n`)).join("")}}\n`;
}

/** How often each of several APIs is asked whether it is ready, and how long it may take: the event loop of a busy one answers late. */
const HEALTH_EVERY_SECONDS = 2;
const HEALTH_TIMEOUT_SECONDS = 5;

/** A connection within a private network takes a millisecond; the first packet is sent again after one second. */
const DIAL_SECONDS = 2;

/** What is asked of several APIs, so that nobody outside sees one of them released, killed or gone. */
function among(config: Config): string[] {
  return [
    "\tlb_policy least_conn",
    "\t# One that is not ready is not asked, and one that fails is left out until the next look at it.",
    `\thealth_uri ${config.app.readyPath}`,
    `\thealth_port ${readinessPort(config)}`,
    `\thealth_interval ${HEALTH_EVERY_SECONDS}s`,
    `\thealth_timeout ${HEALTH_TIMEOUT_SECONDS}s`,
    `\tfail_duration ${HEALTH_EVERY_SECONDS}s`,
    "\t# A connection for each request: on a kept one it could meet the end of that API, and one to a node that is gone ends soon.",
    "\ttransport http {",
    `\t\tdial_timeout ${DIAL_SECONDS}s`,
    "\t\tkeepalive off",
    "\t}",
  ];
}

function site(config: Config, here: Here): string {
  const remote = remoteApis(here);
  const upstreams = remote.length === 0 ? [`api:${config.app.port}`] : remote.map(({ address }) => `${address ?? ""}:${config.app.port}`);
  const lines = [
    "# Standard output, where Docker bounds it. Caddy leaves Cookie and Authorization out.",
    "log",
    "",
    "# The operators' paths are for the verifier and for people on the server, not for the world.",
    "@operators path /ops /ops/*",
    "respond @operators 404",
    "",
    "encode gzip",
    "",
    "# X-Forwarded-For, -Host and -Proto are set by Caddy; what a client sends under these names is not passed on.",
    `reverse_proxy ${upstreams.join(" ")} {`,
    "\t# While the API is restarted requests wait, and only those that never reached it are sent again.",
    `\tlb_try_duration ${RETRY_SECONDS}s`,
    "\tlb_try_interval 250ms",
    ...(upstreams.length > 1 ? among(config) : []),
    "}",
  ];
  return block(config.domain ?? ":80", lines);
}

/** Caddyfile: automatic HTTPS for the domain, plain HTTP without one. Understood by Caddy 2.6 and later. */
export function caddyfile(config: Config, here: Here = firstOf(config)): string {
  const health = block(`http://:${PROXY_HEALTH_PORT}`, ["# The container's health check.", "bind 127.0.0.1", "respond 200"]);
  // Without this, Caddy answers 200 with nothing to whoever asks for another name.
  const others = block(":80", ["# Any other name. The domain itself is sent on to HTTPS.", "respond 404"]);
  return ["# Rendered by Berth (src/host/caddyfile.ts).\n" + globalOptions(config), site(config, here), ...(config.domain === undefined ? [] : [others]), health].join("\n");
}
