import * as pulumi from "@pulumi/pulumi";
import { loadConfig } from "./config/load.ts";
import { releaseBundle } from "./release/bundle.ts";
import { checkFit } from "./resources/fit.ts";
import { HostFiles } from "./resources/host-files.ts";
import { serverScripts } from "./resources/payload.ts";
import { OutsideProbe, Release } from "./resources/release.ts";
import { Server } from "./resources/server.ts";
import { bundleVerifier } from "./verify/bundle.ts";

// 1. Configuration: read once, every fault in one message, held against the server's real size. Nothing is touched before.
const config = loadConfig();
await checkFit(config);

// 2. The machine: key, firewall, address, volume, server.
const server = new Server("server", config);

// 3. The release as text: Compose file, redis.conf, Caddyfile, host settings, and the verifier that will judge it.
const verifier = await bundleVerifier();
const scripts = serverScripts();
const bundle = server.volume.apply((volume) => releaseBundle({ config, deployKeys: server.deployKeys, ...volume, scripts, verifierDigest: verifier.digest }));

// 4. Laid down on the host: files, secrets, verifier.
const files = new HostFiles("host", { config, server, bundle, verifier });

// 5. Released: fetch, migrate once, start, verify where the application stands, keep it or bring the last good one back.
const release = new Release("release", { config, server, bundle, files });

// 6. Seen from here: what answers, and what must not.
const probe = new OutsideProbe("probe", { config, server, bundle, release });

export const address = server.address;
export const url = config.domain === undefined ? pulumi.interpolate`http://${address}` : `https://${config.domain}`;
export const releaseId = bundle.apply((it) => it.r12);
export const verification = release.verdict;
export const outside = probe.verdict;
// Whole, a few hundred lines: out of every update's display, and printed by `pulumi stack output reports --show-secrets`.
export const reports = pulumi.secret({ release: release.report, outside: probe.report });
export const ssh = pulumi.interpolate`ssh deploy@${address}`;
