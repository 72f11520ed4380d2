import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../config/schema.ts";
import { type ReleaseBundle, releaseBundle } from "../release/bundle.ts";
import type { Verifier } from "../verify/bundle.ts";
import { carryData, keepData } from "./carry-hook.ts";
import { HostFiles } from "./host-files.ts";
import { leavingHooks } from "./leaving-hook.ts";
import { type Machine, nameOn } from "./machines.ts";
import { Release } from "./release.ts";

/** A node with its release. */
export interface Released extends Machine {
  readonly bundle: pulumi.Output<ReleaseBundle>;
  readonly release: Release;
}

/**
 * Lay each node's release down, all at once, and carry them out one after the other: data, then the application, then its workers. A node that
 * fails brings its own last good release back; those after it are not touched, and those before it stay.
 */
export function deploy(config: Config, machines: readonly Machine[], parts: { readonly verifier: Verifier; readonly scripts: Readonly<Record<string, string>> }): Released[] {
  // Without `nodes` nothing is asked of the host: what was placed elsewhere comes back by saying so there.
  const moves = Object.keys(config.nodes).length > 0;
  const laid = machines.map((machine) => {
    const { here, server } = machine;
    const bundle = server.volume.apply((volume) => releaseBundle({ config, here, deployKeys: server.deployKeys, ...volume, scripts: parts.scripts, verifierDigest: parts.verifier.digest }));
    const files = new HostFiles(nameOn(here, "host"), { config, machine: nameOn(here, "server"), server, bundle, verifier: parts.verifier });
    return { ...machine, bundle, files };
  });
  const first = firstOfAll(laid);
  const leaving = moves ? leavingHooks(config, first.here.layout, first.server.address, first.bundle) : undefined;
  const released: Released[] = [];
  for (const machine of laid) {
    const { here, server, joined, bundle, files } = machine;
    const before = released.at(-1);
    // Last of all: a move that is refused stops nobody. The first node answers by then, also where it is released later.
    const halting = leaving !== undefined && before === undefined ? [leaving.halt] : [];
    const hooks = [...(moves && here.node.first ? [carryData(config, here.layout, server.address, bundle)] : []), ...halting];
    const updateHooks = moves && !here.node.first && here.node.volume !== null ? [keepData(config, here, first.server.address, bundle)] : [];
    // Once the first node runs the new layout, nobody lets the leaving ones in.
    const errorHooks = leaving !== undefined && !released.some((it) => it.here.node.first) ? [leaving.bringBack] : [];
    const after = [...joined, before === undefined ? first.files : before.release];
    released.push({ ...machine, release: new Release(nameOn(here, "release"), { config, here, server, bundle, files, after, hooks, updateHooks, errorHooks }) });
  }
  return released;
}

/** The stack's first node: its address is the stack's. */
export function firstOfAll<M extends Machine>(machines: readonly M[]): M {
  const first = machines.find(({ here }) => here.node.first);
  if (first === undefined) throw new Error("finding the first node: a node with the proxy is required, found none");
  return first;
}

/** Something of every node by its name; undefined on a stack of one. */
export function byNode<T>(released: readonly Released[], value: (node: Released) => pulumi.Output<T>): pulumi.Output<Record<string, T>> | undefined {
  if (released.length === 1) return undefined;
  return pulumi.all(Object.fromEntries(released.map((node) => [node.here.node.name, value(node)]))) as unknown as pulumi.Output<Record<string, T>>;
}

/** A verdict a node, each on a line with its name; the bare one on a stack of one. */
export function verdicts(released: readonly Released[]): pulumi.Output<string> {
  return pulumi.all(released.map(({ release }) => release.verdict)).apply((lines) =>
    released.length === 1 ? lines.join() : released.map(({ here }, index) => `${here.node.name}: ${lines[index] ?? ""}`).join("\n"));
}
