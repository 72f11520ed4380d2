import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config/schema.ts";
import { awaitFirstBoot } from "../host/first-boot.ts";
import type { ReleaseBundle } from "../release/bundle.ts";
import { connectionTo } from "./connection.ts";
import { packed } from "./payload.ts";
import { reachable } from "./reach.ts";
import type { Server } from "./server.ts";

/**
 * What a release needs on the host: readable files, secrets, and the verifier. Each is one command with its document on
 * standard input, so that a preview shows the lines that change, and nothing is in an argument list.
 */
export class HostFiles extends pulumi.ComponentResource {
  /** When the files were last laid down, by the host's clock. */
  readonly laid: pulumi.Output<string>;

  /** @param args `machine`: name of the server's resource, for what is said of its first boot */
  constructor(name: string, args: { config: Config; machine: string; server: Server; bundle: pulumi.Output<ReleaseBundle>; verifier: { text: string; digest: string } }) {
    super("berth:index:HostFiles", name, {});
    const { config, machine, server, bundle, verifier } = args;
    const own = { parent: this };
    // A new server holds nothing: its id makes every document be laid down again.
    const common = { connection: connectionTo(server.address, config), triggers: [server.serverId], addPreviousOutputInEnv: false };

    const reach = reachable(name, config, server.address);
    const files = new remote.Command(`${name}-files`, {
      ...common,
      create: "sudo sh -eu && date -u +%FT%T.%NZ",
      stdin: bundle.apply((it) => `${awaitFirstBoot(machine)}${it.filesDocument}`),
    }, { ...own, hooks: { beforeCreate: [reach], beforeUpdate: [reach] } });
    const secrets = new remote.Command(`${name}-secrets`, {
      ...common,
      create: "sudo sh -eu",
      stdin: pulumi.secret(bundle.apply((it) => it.secretsDocument)),
      logging: remote.Logging.None,
    }, { ...own, dependsOn: files, additionalSecretOutputs: ["stdout", "stderr"] });
    new remote.Command(`${name}-verifier`, {
      ...common,
      create: installVerifier(verifier.digest),
      stdin: packed(verifier.text),
    }, { ...own, dependsOn: secrets });
    this.laid = files.stdout;
    this.registerOutputs({ laid: this.laid });
  }
}

/** Unpack standard input to the verifier's content-addressed path, and keep it only when its bytes are the expected ones. */
function installVerifier(digest: string): string {
  const path = `/opt/berth/verifier/${digest.slice(0, 12)}.mjs`;
  return [
    "sudo sh -euc 'umask 022; mkdir -p /opt/berth/verifier",
    `base64 -d | gunzip >${path}.tmp`,
    `echo "${digest}  ${path}.tmp" | sha256sum -c --status`,
    `mv ${path}.tmp ${path}'`,
  ].join("; ");
}
