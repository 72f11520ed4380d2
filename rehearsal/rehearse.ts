import { join } from "node:path";
import { parseArgs } from "node:util";
import { orUsage } from "../scripts/command-line.ts";
import { ensureDocker } from "./docker/ensure.ts";
import { ENGINES, type EngineChoice } from "./engine/choice.ts";
import { PulumiEngine } from "./engine/pulumi.ts";
import { writeLaptop } from "./laptop.ts";
import { cleanup, ownerless } from "./ledger.ts";
import { containerIds } from "./observe.ts";
import { Rehearsal, type Up } from "./rehearsal.ts";
import { Steps } from "./steps.ts";
import { summary } from "./summary.ts";
import { type Scene, setScene, topologyHelp, topologyNamed, type TopologyName } from "./topology.ts";

const ROOT = join(import.meta.dirname, "..");

const HELP = `usage: npm run rehearse [-- OPTIONS]

Rehearses a production deployment on this machine, without an account: a stand-in for
Hetzner's API, servers with systemd, sshd, cloud-init and Docker, a private registry, and
the same Pulumi program that \`pulumi up\` runs.

  --engine in-process|pulumi|auto
             what carries the program out: Pulumi's engine with Hetzner's provider, or an
             engine of our own that only creates; auto takes Pulumi's when \`pulumi\` is on
             PATH (default)
  --topology NAME
             where the roles stand:
${topologyHelp()}
  --keep     leave it up at the end, and say how to reach and stop it
  --stop     take down what --keep left up
  --verbose  show every line of every step, also on a terminal
`;

const { values } = orUsage("rehearse", () => parseArgs({
  options: {
    engine: { type: "string", default: "auto" },
    topology: { type: "string", default: "single" },
    keep: { type: "boolean", default: false },
    stop: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
}));

if (values.help) process.stdout.write(HELP);
else process.exitCode = values.stop ? await stop() : await rehearse(orUsage("rehearse", () => engineChoice(values.engine)), orUsage("rehearse", () => topologyNamed(values.topology)));

function engineChoice(text: string): EngineChoice {
  const choice = ENGINES.find((it) => it === text);
  if (choice !== undefined) return choice;
  throw new Error(`--engine: one of ${ENGINES.join(", ")} is required, found ${text}`);
}

async function rehearse(engine: EngineChoice, topology: TopologyName): Promise<number> {
  const steps = new Steps(process.stdout, values.verbose);
  const started = performance.now();
  let rehearsal: Rehearsal | undefined;
  let kept = false;
  try {
    rehearsal = await Rehearsal.start({ steps, engine });
    const it = rehearsal;
    const scene = await steps.run(`topology: ${topology}`, (log) => setScene(topology, it, log));
    const first = await steps.run("first release: from no server to a verified application", (log) => it.up(scene.changes, log));
    const counted = await steps.run("count Redis connections past Berth: CLIENT LIST", () => countConnections(scene, first));
    await steps.run("second up, nothing changed", async (log) => {
      const again = await it.up({}, log);
      if (again.counters.created + again.counters.updated > 0) throw new Error(`a second up: no change is required, found ${again.counters.updated} updated and ${again.counters.created} created`);
    });
    const image = await steps.run("build and push application version 2", () => it.appImage("2"));
    const second = await steps.run("second release: a new application image", async (log) => {
      const before = await containerIds(it);
      const up = await it.up({ "app.image": image }, log);
      const after = await containerIds(it);
      const replaced = ["redis", "postgres", "proxy"].filter((service) => before[service] !== after[service]);
      if (replaced.length > 0) throw new Error(`a new application image: the same containers of Redis, Postgres and the proxy are required, found new ones of ${replaced.join(", ")}`);
      return up;
    });
    steps.line(await summary({ rehearsal: it, scene, first, second, counted, seconds: (performance.now() - started) / 1000 }));
    if (values.keep) {
      await it.keep();
      kept = true;
      steps.line(await stays(it, second));
    }
    return 0;
  } catch (error) {
    steps.line(`\nThe rehearsal failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    if (rehearsal !== undefined && !kept) await steps.run("take everything back", () => rehearsal?.close() ?? Promise.resolve());
    // A kept rehearsal's API goes with this process; the servers stay.
    if (kept) setTimeout(() => process.exit(), 0);
  }
}

/** The verification counted; Redis lists. Both must name the same connections. */
async function countConnections({ clients }: Scene, { report }: Up): Promise<number> {
  const listed = (await clients()).map((it) => it.id).toSorted();
  const counted = report.connections.map((it) => it.id).toSorted();
  if (listed.join() !== counted.join()) throw new Error(`connections to Redis: ${counted.length} counted by the verification is required of CLIENT LIST, found ${listed.length}`);
  return listed.length;
}

async function stays(rehearsal: Rehearsal, { url, address }: Up): Promise<string> {
  const key = await rehearsal.writeDeployKey();
  return [
    "",
    `It stays up. The application: ${url}`,
    `The server:  ssh -i ${key.privateKey} -o UserKnownHostsFile=${key.knownHosts} deploy@${address}`,
    ...(rehearsal.engine instanceof PulumiEngine ? [`Berth on it: . ${await writeLaptop(rehearsal.engine, rehearsal.ledger.directory, ROOT)}; berth status`] : []),
    "Stop it:     npm run rehearse -- --stop",
    "What stands in for Hetzner's API is gone: look at it and change it, but no `pulumi up`.",
  ].join("\n");
}

async function stop(): Promise<number> {
  // One that is under way is its own process's to stop.
  const up = await ownerless();
  if (up.length > 0) {
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    const handle = await ensureDocker(say);
    for (const id of up) {
      await cleanup(id, handle.docker, say);
      await handle.release(id);
    }
    await handle.close();
  }
  process.stdout.write(up.length === 0 ? "No rehearsal is up.\n" : `Took back ${up.length === 1 ? "one rehearsal" : `${up.length} rehearsals`}.\n`);
  return 0;
}
