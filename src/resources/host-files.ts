import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config/schema.ts";
import type { ReleaseBundle } from "../release/bundle.ts";
import { connectionTo } from "./connection.ts";
import { packed } from "./payload.ts";
import { reachable } from "./reach.ts";
import type { Server } from "./server.ts";

/**
 * Exit code 2 of `cloud-init status` is a recoverable error (a slow mirror, say): the host is usable. Standard input is
 * kept for the document, and the bound is larger than the slowest first boot seen.
 */
const WAIT_FOR_FIRST_BOOT = [
  "timeout 600 cloud-init status --wait </dev/null >/dev/null || [ $? -eq 2 ] ||",
  "{ echo 'the first boot did not finish; cloud-init says:' >&2; sudo cloud-init status --long </dev/null >&2;",
  "sudo tail -n 20 /var/log/cloud-init-output.log </dev/null >&2; exit 1; }",
].join(" ");

/**
 * What a release needs on the host: readable files, secrets, and the verifier. Each is one command with its document on
 * standard input, so that a preview shows the lines that change, and nothing is in an argument list.
 */
export class HostFiles extends pulumi.ComponentResource {
  /** When the files were last laid down, by the host's clock. */
  readonly laid: pulumi.Output<string>;

  constructor(name: string, args: { config: Config; server: Server; bundle: pulumi.Output<ReleaseBundle>; verifier: { text: string; digest: string } }) {
    super("berth:index:HostFiles", name, {});
    const { config, server, bundle, verifier } = args;
    const own = { parent: this };
    // A new server holds nothing: its id makes every document be laid down again.
    const common = { connection: connectionTo(server.address, config), triggers: [server.serverId], addPreviousOutputInEnv: false };

    const reach = reachable(name, config, server.address);
    const files = new remote.Command(`${name}-files`, {
      ...common,
      create: `${WAIT_FOR_FIRST_BOOT} && sudo sh -eu && date -u +%FT%T.%NZ`,
      stdin: bundle.apply((it) => it.filesDocument),
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
