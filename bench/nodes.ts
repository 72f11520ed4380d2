import { everywhere } from "../src/config/nodes.ts";
import { configSchema, type Config } from "../src/config/schema.ts";
import { releaseBundle } from "../src/release/bundle.ts";
import { serverScripts } from "../src/resources/payload.ts";
import { atMost, type Figure, median, type Part, told } from "./figure.ts";

/** What a stack of many servers costs before anything is asked of a network: where each role stands, and each node's whole release as text. */
export const nodes: Part = {
  name: "nodes",
  about: "placing the roles and rendering every node's release, for 1 to 1,000 nodes",
  run: ({ quick, say }) => {
    const rounds = quick ? 1 : 5;
    const scripts = serverScripts();
    const times = new Map(COUNTS.map((count) => [count, [] as number[]]));
    // The first round is not counted: the code is compiled in it.
    for (let round = 0; round <= rounds; round += 1) {
      say(`round ${round} of ${rounds}`);
      for (const count of COUNTS) {
        const taken = rendered(manyNodes(count), scripts);
        if (round > 0) times.get(count)?.push(taken);
      }
    }
    const of = (count: number): number => median(times.get(count) ?? []);
    const figures: Figure[] = [
      ...COUNTS.filter((count) => count < 1_000).map((count) => told(`${count} ${count === 1 ? "node" : "nodes"}`, of(count), "ms")),
      atMost("1,000 nodes", of(1_000), "ms", 1_000),
      atMost("a node of 1,000 by a node of 100", of(1_000) / 10 / of(100), "x", 1.5),
    ];
    return Promise.resolve(figures);
  },
};

const COUNTS: readonly number[] = [1, 10, 100, 1_000];
/** The most that one entry of `nodes` may have. */
const MOST = 100;

/** Everything but the worker on one node, and so many nodes of workers. More than Hetzner joins in one network: the rendering does not ask. */
export function manyNodes(count: number): Config {
  const workers = Array.from({ length: Math.ceil((count - 1) / MOST) }, (_, index) => [`worker${index}`, { roles: ["worker"], count: Math.min(MOST, count - 1 - index * MOST) }]);
  return configSchema.parse({
    server: { type: "cx33" },
    ssh: { sources: ["203.0.113.7/32"] },
    app: { image: "ghcr.io/example/app:1.4.2", queues: ["file", "email"], migrate: ["node", "migrate.js"] },
    secrets: { redisPassword: "redis", postgresPassword: "postgres", deployKey: "deploy", hostKey: "host" },
    nodes: count === 1 ? {} : Object.fromEntries([["main", { roles: ["proxy", "api", "redis", "postgres"] }], ...workers]),
  });
}

/** Render every node's release. @returns milliseconds */
function rendered(config: Config, scripts: Readonly<Record<string, string>>): number {
  const started = performance.now();
  for (const here of everywhere(config)) {
    releaseBundle({ config, here, deployKeys: ["ssh-ed25519 bench"], volumeId: here.node.volume === null ? null : "4711", scripts, verifierDigest: "ab".repeat(32) });
  }
  return performance.now() - started;
}
