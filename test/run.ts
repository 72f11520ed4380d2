import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Skip, skipLines } from "./helpers/skips.ts";

/**
 * `npm test`: the gate, then every test, then one line with the counts. Arguments go to vitest, so that
 * `npm test -- --project unit test/compose` runs a part.
 */
interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[] }[];
}

const started = performance.now();
const check = spawnSync(process.execPath, ["--import", "tsx", "scripts/check.ts"], { stdio: "inherit" });

const scratch = mkdtempSync(join(tmpdir(), "berth-test-"));
const output = join(scratch, "results.json");
const skipsFile = join(scratch, "skips.json");
// By its own file: npx would put node_modules/.bin first on PATH, and hide a `pulumi` that is installed.
const vitest = spawn(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json", "--reporter=./test/helpers/skips.ts", `--outputFile.json=${output}`, ...process.argv.slice(2)], {
  stdio: ["ignore", "inherit", "inherit"],
  env: { ...process.env, BERTH_TEST_SKIPS: skipsFile },
});
// vitest gets Ctrl-C from the terminal itself and tears down what the tests started; this process waits for that.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (!process.stdin.isTTY) vitest.kill(signal);
  });
}
const code = await new Promise<number>((resolve) => {
  vitest.on("exit", (exit) => resolve(exit ?? 1));
});

let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  const results = JSON.parse(readFileSync(output, "utf8")) as Results;
  // A file that fails before its first test counts as one failure: it has no test to count.
  const broken = results.testResults.filter((file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"));
  for (const file of broken) console.log(`failed outside a test: ${file.name}`);
  const skipped = JSON.parse(readFileSync(skipsFile, "utf8")) as Skip[];
  for (const line of skipLines(skipped)) console.log(line);
  counts = { passed: results.numPassedTests, failed: results.numFailedTests + broken.length, skipped: skipped.length };
} catch (error) {
  console.log(`the test run left no results: ${String(error)}`);
}
rmSync(scratch, { recursive: true, force: true });

if (check.status !== 0) counts.failed += 1;
else counts.passed += 1;
console.log(`gate and tests took ${Math.round((performance.now() - started) / 1000)} s`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(code === 0 && counts.failed === 0 ? 0 : 1);
