import { local, remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { firstOf, type Here } from "../config/nodes.ts";
import type { Config } from "../config/schema.ts";
import type { ReleaseBundle } from "../release/bundle.ts";
import { verdictLine } from "../verify/table.ts";
import type { Report } from "../verify/types.ts";
import { connectionTo } from "./connection.ts";
import type { HostFiles } from "./host-files.ts";
import { leadsHere } from "./leads-here.ts";
import type { Server } from "./server.ts";

/**
 * The transaction on the host (`server/berth release`): it starts the release, verifies it, and keeps it or brings the
 * last good one back. Its exit code is this resource's; its report is the verification's.
 */
export class Release extends pulumi.ComponentResource {
  /** The verification's report, one line of JSON (`src/verify/types.ts`). */
  readonly report: pulumi.Output<string>;
  /** The report in one line for people. */
  readonly verdict: pulumi.Output<string>;

  /** @param args `after`: what must be there first, the nodes that this one needs and its place in the network; `hooks`: what runs before it is made or updated; `updateHooks`: before it is updated; `errorHooks`: once it has failed */
  constructor(name: string, args: { config: Config; here: Here; server: Server; bundle: pulumi.Output<ReleaseBundle>; files: HostFiles; after?: readonly pulumi.Resource[]; hooks?: pulumi.ResourceHook[]; updateHooks?: pulumi.ResourceHook[]; errorHooks?: pulumi.ErrorHook[] }) {
    super("berth:index:Release", name, {});
    const { config, here, server, bundle, files, after = [], hooks = [], updateHooks = [], errorHooks = [] } = args;
    const leads = [...(here.node.first ? leadsHere(name, config, server) : []), ...hooks];
    const transaction = new remote.Command(name, {
      connection: connectionTo(server.address, config),
      create: bundle.apply((it) => `sudo ${it.program} release ${it.r12}`),
      // Unread by the host. After a failed release the state still holds the inputs of the one before: without this, going back
      // to that configuration would look like no change, and what the failure left on the host would stay. What a server
      // is powered off to change, because it has booted then, and what came up by itself is to be verified.
      stdin: pulumi.interpolate`${files.laid} ${server.type}${config.server.ipv6 ? "" : " without IPv6"}`,
      triggers: [server.serverId],
      addPreviousOutputInEnv: false,
      // Standard error carries progress and the table for people; standard output is the report.
      logging: remote.Logging.Stderr,
    }, { parent: this, dependsOn: [files, ...after], hooks: { beforeCreate: leads, beforeUpdate: [...updateHooks, ...leads], ...(errorHooks.length === 0 ? {} : { onError: errorHooks }) } });
    this.report = transaction.stdout;
    this.verdict = this.report.apply(verdictOf);
    this.registerOutputs({});
  }
}

/** The same deployment seen from where the deployer stands: what answers, what must not, and whether the clocks agree. */
export class OutsideProbe extends pulumi.ComponentResource {
  readonly report: pulumi.Output<string>;
  readonly verdict: pulumi.Output<string>;

  constructor(name: string, args: { config: Config; server: Server; bundle: pulumi.Output<ReleaseBundle>; release: Release }) {
    super("berth:index:OutsideProbe", name, {});
    const { config, server, bundle, release } = args;
    const { node } = firstOf(config);
    const probe = new local.Command(name, {
      create: "npm run --silent berth -- probe",
      environment: {
        BERTH_PROBE_ADDRESS: server.address,
        BERTH_PROBE_ADDRESS6: server.address6,
        BERTH_PROBE_DOMAIN: config.domain ?? "",
        BERTH_PROBE_READY_PATH: config.app.readyPath,
        BERTH_PROBE_APP_PORT: String(config.app.port),
        BERTH_PROBE_ACME_STAGING: String(config.acme.staging),
        BERTH_PROBE_PROJECT: config.project,
        BERTH_PROBE_NODE: node.address === null ? "" : node.name,
        BERTH_PROBE_RELEASE: bundle.apply((it) => it.r12),
      },
      addPreviousOutputInEnv: false,
      logging: local.Logging.Stderr,
    }, { parent: this, dependsOn: release });
    this.report = probe.stdout;
    this.verdict = this.report.apply(verdictOf);
    this.registerOutputs({});
  }
}

function verdictOf(report: string): string {
  return verdictLine(JSON.parse(report) as Report);
}
