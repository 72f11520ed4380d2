import { spawnSync } from "node:child_process";

/**
 * The one gate before a commit: types, lint, committed renderings, architecture rules. Every step runs, so that one
 * round shows all there is to mend.
 */
const steps: readonly (readonly [name: string, command: readonly [string, ...string[]]])[] = [
  ["types", ["npx", "tsc", "-p", "."]],
  ["lint", ["npx", "oxlint", "--type-aware", "--deny-warnings"]],
  ["renderings", [process.execPath, "--import", "tsx", "scripts/render.ts", "--check"]],
  ["rules", ["npx", "vitest", "run", "--project", "unit", "test/architecture"]],
];

let failed = 0;
for (const [name, [command, ...args]] of steps) {
  const started = performance.now();
  const result = spawnSync(command, args, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const passed = result.status === 0;
  console.log(`${passed ? "ok  " : "FAIL"} ${name.padEnd(11)} ${seconds} s`);
  if (!passed) {
    failed += 1;
    console.log(`${result.stdout}${result.stderr}`.trimEnd());
  }
}
process.exit(failed === 0 ? 0 : 1);
