import * as pulumi from "@pulumi/pulumi";
import { loadConfig } from "./config/load.ts";
import { byNode, deploy, firstOfAll, verdicts } from "./resources/deploy.ts";
import { checkFit } from "./resources/fit.ts";
import { provision } from "./resources/machines.ts";
import { serverScripts } from "./resources/payload.ts";
import { OutsideProbe } from "./resources/release.ts";
import { bundleVerifier } from "./verify/bundle.ts";

// 1. Configuration: read once, every fault in one message, held against the server's real size. Nothing is touched before.
const config = loadConfig();
await checkFit(config);

// 2. The machines, one by default: key, firewall, address, volume, server. Several are joined by a private network.
const machines = provision(config);

// 3. What judges a release, and what carries it out on a host.
const verifier = await bundleVerifier();
const scripts = serverScripts();

// 4. Each node's release as text (Compose file, redis.conf, Caddyfile, host settings), laid down on its host with its secrets and the verifier.
// 5. Released, data first: fetch, migrate once, start, verify where the application stands, keep it or bring the last good one back.
const nodes = deploy(config, machines, { verifier, scripts });
const { server, bundle, release } = firstOfAll(nodes);
const last = nodes.at(-1)?.release ?? release;

// 6. Seen from here: what answers, and what must not.
const probe = new OutsideProbe("probe", { config, server, bundle, release: last });

export const address = server.address;
// Empty without server.ipv6.
export const address6 = server.address6;
export const url = config.domain === undefined ? pulumi.interpolate`http://${address}` : `https://${config.domain}`;
export const releaseId = bundle.apply((it) => it.r12);
export const verification = verdicts(nodes);
export const outside = probe.verdict;
// Whole, a few hundred lines: out of every update's display, and printed by `pulumi stack output reports --show-secrets`.
export const reports = pulumi.secret({ release: last.report, outside: probe.report, nodes: byNode(nodes, (node) => node.release.report) });
// Of several nodes, each by its name: `berth --node NAME` finds them here.
export const ssh = byNode(nodes, (node) => pulumi.interpolate`ssh deploy@${node.server.address}`) ?? pulumi.interpolate`ssh deploy@${address}`;
