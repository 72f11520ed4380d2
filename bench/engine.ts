import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onPath } from "../rehearsal/engine/choice.ts";
import { runPulumi } from "../rehearsal/engine/pulumi-process.ts";
import { Rehearsal } from "../rehearsal/rehearsal.ts";
import { Steps } from "../rehearsal/steps.ts";
import { atMost, type Figure, median, type Part, told } from "./figure.ts";

const ROOT = join(import.meta.dirname, "..");

/** What Pulumi costs: an update with nothing to do against a program that declares nothing but the same two providers. */
export const engine: Part = {
  name: "engine",
  about: "up, preview and SSH connections under Pulumi's engine, on a stand-in server",
  run: async ({ quick, say }) => {
    if (onPath("pulumi") === undefined) return "skipped: `pulumi` is not on PATH";
    const rehearsal = await Rehearsal.start({ steps: new Steps(process.stderr), engine: "pulumi" });
    try {
      say("first deployment");
      const first = await rehearsal.up();
      const change = await rehearsal.up({ "worker.memoryMb": 640 });
      const empty = await emptyProgram(rehearsal);
      const rounds = quick ? 1 : 5;
      const times = { ours: [] as number[], empty: [] as number[], preview: [] as number[] };
      // Alternating, so that what else the machine does falls on both; the first of each is not counted.
      for (let round = 0; round <= rounds; round += 1) {
        say(`round ${round} of ${rounds}`);
        const taken = {
          empty: await seconds(empty),
          ours: await seconds(() => rehearsal.pulumi.run(["up", "--yes", "--skip-preview"])),
          preview: await seconds(() => rehearsal.pulumi.run(["preview"])),
        };
        if (round === 0) continue;
        for (const kind of ["ours", "empty", "preview"] as const) times[kind].push(taken[kind]);
      }
      const figures: Figure[] = [
        told("up with nothing to do", median(times.ours), "s"),
        told("up of an empty program, same two providers", median(times.empty), "s"),
        atMost("the first by the second", median(times.ours) / median(times.empty), "x", 1.15),
        atMost("preview of the production stack", median(times.preview), "s", 4),
        atMost("SSH connections of a first deployment", first.sshConnections, "", 5),
        atMost("SSH connections of a change", change.sshConnections, "", 3),
      ];
      return figures;
    } finally {
      await rehearsal.close();
    }
  },
};

/** A stack of its own beside the rehearsed one: same home, same backend, same way of reading TypeScript. @returns what runs its `up` */
async function emptyProgram(rehearsal: Rehearsal): Promise<() => Promise<unknown>> {
  const folder = join(rehearsal.ledger.directory, "engine", "empty");
  await mkdir(folder, { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "empty", type: "module" }));
  await writeFile(join(folder, "Pulumi.yaml"), JSON.stringify({ name: "empty", main: "index.ts", runtime: { name: "nodejs", options: { typescript: false, nodeargs: "--import tsx" } } }));
  await writeFile(join(folder, "index.ts"), [
    'import * as command from "@pulumi/command";',
    'import * as hcloud from "@pulumi/hcloud";',
    `new hcloud.Provider("hcloud", { token: "${"0".repeat(64)}" });`,
    'new command.Provider("command");',
  ].join("\n"));
  const cli = onPath("pulumi") ?? "pulumi";
  const run = async (args: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await runPulumi(cli, [...args, "--non-interactive", "--color", "never"], { cwd: folder, env: rehearsal.pulumi.environment, stdin: "", onLine: () => undefined });
    if (code !== 0) throw new Error(`the empty program: exit 0 is required of pulumi ${args[0] ?? ""}, found ${code}: ${stdout}${stderr}`);
  };
  await run(["stack", "init", "empty"]);
  return () => run(["up", "--yes", "--skip-preview", "--stack", "empty"]);
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
