import { checkList, table } from "../src/verify/table.ts";
import type { Rehearsal, Up } from "./rehearsal.ts";
import type { Scene } from "./topology.ts";

export interface SummaryInput {
  readonly rehearsal: Rehearsal;
  readonly scene: Scene;
  readonly first: Up;
  readonly second: Up;
  /** Connections that Redis listed. */
  readonly counted: number;
  /** Of the whole rehearsal so far. */
  readonly seconds: number;
}

/** What a person is told at the end: the verification, the figures, and what was stood in for. */
export async function summary({ rehearsal, scene, first, second, counted, seconds }: SummaryInput): Promise<string> {
  const install = await dockerInstallSeconds(rehearsal);
  const settle = second.report.settleMs / 1000;
  const rows: readonly (readonly [string, string])[] = [
    ["no server to verified application", `${first.seconds.toFixed(1)} s${install === undefined ? "" : `, of which installing Docker ${install.toFixed(1)} s`}`],
    ["second release, new application image", `${second.seconds.toFixed(1)} s`],
    ["verification", `${(second.report.totalMs / 1000).toFixed(1)} s, of which settling ${settle.toFixed(1)} s`],
    ["SSH connections", `${first.sshConnections} in the first release, ${second.sshConnections} in the second`],
    ["Redis connections", `${counted}, as CLIENT LIST has them`],
    ["whole rehearsal", `${seconds.toFixed(0)} s`],
  ];
  return [
    "",
    table(second.report).trimEnd(),
    "",
    "Seen from this machine",
    "",
    ...checkList(second.outside),
    "",
    "Figures",
    ...rows.map(([name, value]) => `  ${name.padEnd(38)} ${value}`),
    "",
    "Stood in for: Hetzner's API, network and machines (containers with systemd), the",
    "registry.",
    ...scene.stoodIn,
    `Engine: ${rehearsal.engine.description}`,
    "Real: the program, cloud-init, sshd, Docker, Compose, Redis, Postgres, Caddy, the",
    "application, every check above.",
  ].join("\n");
}

/** How long cloud-init took to install packages at the first boot, in seconds; undefined when it does not say. */
async function dockerInstallSeconds(rehearsal: Rehearsal): Promise<number | undefined> {
  const { stdout } = await rehearsal.attempt(["cloud-init", "analyze", "blame"]);
  const found = /([\d.]+)s \(\S*package[-_]update[-_]upgrade[-_]install\)/.exec(stdout);
  return found === null ? undefined : Number(found[1]);
}
