import { writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { orUsage } from "../scripts/command-line.ts";
import { engine } from "./engine.ts";
import { type Figure, figureTable, type Part } from "./figure.ts";
import { isolation } from "./isolation.ts";
import { jobs } from "./jobs.ts";
import { nodes } from "./nodes.ts";

/** `npm run bench`: the figures of docs/bench.md, both sides of each in one run. */

const PARTS: readonly Part[] = [nodes, engine, jobs, isolation];
const HELP = `usage: npm run bench [-- PART … --json=FILE --quick]

parts (default: all)
${PARTS.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join("\n")}

  --json=FILE  write the figures as JSON, too
  --quick      one short round of each: shows that it works, not figures to publish

Run it on a machine that does nothing else. Exit code: 1 when a target is missed.
`;

const { values, positionals } = orUsage("bench", () => parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, quick: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } },
}));
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
orUsage("bench", () => {
  const unknown = positionals.filter((name) => PARTS.every((part) => part.name !== name));
  if (unknown.length > 0) throw new Error(`parts of ${PARTS.map(({ name }) => name).join(", ")} are required, found ${unknown.join(", ")}`);
});

const machine = { cores: cpus().length, model: cpus()[0]?.model ?? "", memoryGb: Math.round(totalmem() / 2 ** 30), loadAtStart: loadavg()[0] ?? 0 };
const results: Record<string, readonly Figure[] | string> = {};
process.stdout.write(`${machine.cores} cores (${machine.model.trim()}), ${machine.memoryGb} GB; load ${machine.loadAtStart.toFixed(1)} at the start${machine.loadAtStart > machine.cores / 2 ? ": NOT QUIET, the figures mean little" : ""}\n`);
for (const part of PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  process.stdout.write(`\n${part.name}: ${part.about}\n`);
  const result = await part.run({ quick: values.quick, say: (line) => void process.stderr.write(`  … ${line}\n`) }).catch((error: unknown) => `failed: ${error instanceof Error ? error.message : String(error)}`);
  results[part.name] = result;
  process.stdout.write(typeof result === "string" ? `  ${result}\n` : `${figureTable(result)}\n`);
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ date: new Date().toISOString(), machine, quick: values.quick, results }, null, 2)}\n`);
const missed = Object.values(results).some((it) => (typeof it === "string" ? it.startsWith("failed") : it.some(({ met }) => met === false)));
process.exit(missed ? 1 : 0);
